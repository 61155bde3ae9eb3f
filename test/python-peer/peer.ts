/** Runs programs that use examples/python/serpy_session.py, with each Python that is installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { Program } from '../program.js';
import { root } from '../workspace.js';

/** The folder of the module. */
export const moduleFolder = join(root, 'examples', 'python');

const folder = mkdtempSync(join(tmpdir(), 'serpy-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export interface Python {
  readonly command: string;
  readonly version: string;
  readonly numpy: boolean;
  /** Whether its `ssl` supports keys. */
  readonly keys: boolean;
}

const probe = `
import importlib.util, ssl, sys
assert sys.version_info >= (3, 8)
print("%d.%d" % sys.version_info[:2], importlib.util.find_spec("numpy") is not None,
      hasattr(ssl.SSLContext, "set_psk_client_callback"), sys.executable)
`;

function look(command: string): Python | undefined {
  const { status, stdout } = spawnSync(command, ['-c', probe], { encoding: 'utf8' });
  const [version = '', numpy, keys, ...path] = (stdout ?? '').trim().split(' ');
  if (status !== 0) return undefined;
  return { command: path.join(' ') || command, version, numpy: numpy === 'True', keys: keys === 'True' };
}

function commands(): string[] {
  const versions = join(homedir(), '.pyenv', 'versions');
  const names = existsSync(versions) ? readdirSync(versions) : [];
  const managed = ['3.8', '3.13'].flatMap((start) => names.filter((name) => name.startsWith(`${start}.`)).slice(-1));
  return ['python3', '/usr/bin/python3', ...managed.map((name) => join(versions, name, 'bin', 'python3'))];
}

/** One Python for each version that matters: the default one, one with numpy, the oldest and the newest. */
export const pythons = commands()
  .map(look)
  .filter((each) => each !== undefined)
  .filter((each, index, all) => all.findIndex((a) => a.version === each.version && a.numpy === each.numpy) === index);

/** The Python that is fastest, or none. */
export const best = pythons.find(({ numpy }) => numpy) ?? pythons[0];
/** A Python whose `ssl` supports keys, or none. */
export const withKeys = pythons.find(({ keys }) => keys);

export const titleOf = ({ version, numpy }: Python) => `Python ${version}${numpy ? ' with numpy' : ''}`;

/** Prints `sending` once a part of a large message has left: a message that has not begun is not lost with its session. */
export const tellSending = `
import threading
def tell_sending():
    while c._session is None or c._session.most_sent < 1000000:
        time.sleep(0.005)
    print("sending")
threading.Thread(target=tell_sending, daemon=True).start()
`;

/** A server that sends back what it receives, to any number of clients. */
export const echo = `
s = Server("127.0.0.1", 0).start()
print("port", s.port)
import threading
def serve(c):
    try:
        for data in c:
            c.sendData(data)
    except SerpyError:
        pass
for c in s:
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`;

let programs = 0;

/** Starts a program. Every line of `code` is Python; the module is imported. */
export function python(code: string, args: readonly (string | number)[] = [], by: Python | undefined = best): Program {
  if (!by) throw new Error('there is no Python');
  const file = join(folder, `program-${++programs}.py`);
  writeFileSync(file, `from serpy_session import *\nimport sys, os, time, json, hashlib, struct\n${code}`);
  return new Program(by.command, ['-u', file, ...args.map(String)], {
    PYTHONPATH: moduleFolder,
    PYTHONDONTWRITEBYTECODE: '1',
  });
}
