// Assembles WebAssembly: each packages/*/wasm/NAME.wat becomes src/wasm/NAME-kernel.ts of its package, which contains it as a string.
// The builds of these packages run it, from any folder. It writes only changed files.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import loadWabt from 'wabt';

/** The TypeScript source with an assembled module. */
export async function kernelSource(watPath, name) {
  const wabt = await loadWabt();
  const module = wabt.parseWat(watPath, readFileSync(watPath, 'utf8'), { simd: true });
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  module.destroy();
  const text = base64.replace(/.{1,100}/g, "  '$&' +\n").replace(/ \+\n$/, '');
  return `/** wasm/${name}.wat, assembled by the build. Change it there. */\nexport const ${name}Kernel =\n${text};\n`;
}

async function assemblePackage(folder) {
  const texts = join(folder, 'wasm');
  if (!existsSync(texts)) return;
  for (const file of readdirSync(texts).filter((each) => each.endsWith('.wat'))) {
    const name = file.slice(0, -'.wat'.length);
    const target = join(folder, 'src', 'wasm', `${name}-kernel.ts`);
    const source = await kernelSource(join(texts, file), name);
    if (!existsSync(target) || readFileSync(target, 'utf8') !== source) writeFileSync(target, source);
  }
}

const scriptPath = fileURLToPath(import.meta.url);

if (resolve(process.argv[1] ?? '') === scriptPath) {
  const packages = resolve(dirname(scriptPath), '..', 'packages');
  for (const name of readdirSync(packages)) await assemblePackage(join(packages, name));
}
