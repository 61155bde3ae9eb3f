// Assembles a package's WebAssembly: each wasm/NAME.wat becomes src/NAME-kernel.ts, which holds it as a string.
// Run by the package's build, in the package's folder; writes only what has changed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import loadWabt from 'wabt';

/** The TypeScript source that holds an assembled module. */
export async function kernelSource(watPath, name) {
  const wabt = await loadWabt();
  const module = wabt.parseWat(watPath, readFileSync(watPath, 'utf8'), { simd: true });
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  module.destroy();
  const text = base64.replace(/.{1,100}/g, "  '$&' +\n").replace(/ \+\n$/, '');
  return `/** wasm/${name}.wat, assembled by the build. Change it there. */\nexport const ${name}Kernel =\n${text};\n`;
}

if (resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) {
  for (const file of readdirSync('wasm').filter((each) => each.endsWith('.wat'))) {
    const name = file.slice(0, -'.wat'.length);
    const target = join('src', `${name}-kernel.ts`);
    const source = await kernelSource(join('wasm', file), name);
    if (!existsSync(target) || readFileSync(target, 'utf8') !== source) writeFileSync(target, source);
  }
}
