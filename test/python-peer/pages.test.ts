/** The programs of docs/how-to/python-sessions.md and docs/tutorials/python-instrument.md, run like a reader runs them. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPages } from '../docs/pages.js';
import { freePort } from '../docs/run.js';
import { titled } from '../interop/python-peer.js';
import { killPrograms, Program } from '../program.js';
import { root } from '../workspace.js';
import { best, python } from './peer.js';

const pages = readPages();
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let folder = '';
let ports: [number, number];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-python-pages-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  ports = [await freePort(), await freePort()];
});
afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

/** The only block of a page in a language that contains this text, with free ports. */
function block(path: string, language: string, part: string): string {
  const found = pages
    .find((each) => each.path === path)
    ?.blocks.filter((each) => each.language === language && each.code.includes(part));
  expect(found?.map(({ name }) => name)).toHaveLength(1);
  return (found?.[0]?.code ?? '').replaceAll('5001', `${ports[0]}`).replaceAll('5002', `${ports[1]}`);
}

function node(name: string, code: string): Program {
  writeFileSync(join(folder, name), code);
  return new Program(process.execPath, ['--import', tsx, join(folder, name)]);
}

describe('docs/tutorials/python-instrument.md', () => {
  const page = 'docs/tutorials/python-instrument.md';

  test.skipIf(!best)(titled('loses nothing through 200 broken connections', !!best), { timeout: 240_000 }, async () => {
    const instrument = python(block(page, 'python', 'getConnection'));
    await instrument.until(/waiting for the workstation\n/);
    await node('cable.mts', block(page, 'js', 'FaultProxy')).until(/port \d+\n/);
    const workstation = await node('workstation.mts', block(page, 'js', 'readInt32LE')).ended;
    expect(workstation).toEqual({ status: 0, stdout: block(page, 'text', 'readings in order'), stderr: '' });
    const { status, stdout, stderr } = await instrument.ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('the workstation has read everything\n');
  });
});

describe('docs/how-to/python-sessions.md', () => {
  const page = 'docs/how-to/python-sessions.md';

  test.skipIf(!best)(titled('its programs exchange messages', !!best), { timeout: 60_000 }, async () => {
    const serving = () => python(block(page, 'python', 'server.getConnection()'));
    serving();
    const client = await python(block(page, 'python', 'a command')).ended;
    expect(client).toEqual({ status: 0, stdout: "ready\n21.5\nb'a command'\n", stderr: '' });
    await killPrograms();
    serving();
    const ours = await node('client.mts', block(page, 'js', 'await connect(')).ended;
    expect(ours).toEqual({ status: 0, stdout: 'ready 21.5\n', stderr: '' });
  });

  test.skipIf(!best)(titled('names every option, error and call', !!best), async () => {
    const code = `
from dataclasses import fields
import serpy_session as s
print(json.dumps([[f.name for f in fields(Options)], [n for n, e in vars(s).items()
    if isinstance(e, type) and issubclass(e, SerpyError) and e is not SerpyError],
    [n for c in (Connection, Server) for n in dir(c) if n[0] != "_"]]))`;
    const [options, errors, calls] = JSON.parse((await python(code).ended).stdout) as string[][];
    const tables = pages.find(({ path }) => path === page)?.tables ?? [];
    const column = (heading: string) =>
      tables
        .filter(({ headings }) => headings[0] === heading)
        .flatMap(({ rows }) =>
          rows.flatMap((row) => [...(row[heading] ?? '').matchAll(/`(\w+)/g)].map(([, name]) => name)),
        );
    expect(column('option').sort()).toEqual(options?.sort());
    expect(column('error').sort()).toEqual(errors?.sort());
    const named = tables.flatMap(({ rows }) => rows.flatMap((row) => Object.values(row))).join(' ');
    const aliases = ['address', 'closeServer', 'options', 'adr', 'port'];
    expect(calls?.filter((name) => !named.includes(name) && !aliases.includes(name))).toEqual([]);
  });
});
