/** The quick start of README.md: exactly its programs, started in either order, killed and started again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { readPages } from './docs/pages.js';
import { freePort, programOf } from './docs/run.js';
import { killPrograms, type Program } from './program.js';

afterEach(killPrograms);

const blocks = readPages().find(({ path }) => path === 'README.md')?.blocks ?? [];
const [instrumentCode, workstationCode] = blocks.filter(({ language }) => language === 'js').map(({ code }) => code);

/** A program of the README, with another port. */
function programs() {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-quick-start-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const start = (code: string | undefined, port: number) =>
    programOf(join(folder, `program-${count++}.mjs`), String(code).replace('5001', String(port)));
  return {
    instrument: (port: number) => start(instrumentCode, port),
    workstation: (port: number) => start(workstationCode, port),
  };
}

/** Waits until the workstation has printed more temperatures than so far. */
async function flows(workstation: Program): Promise<void> {
  const before = temperaturesOf(workstation);
  await expect.poll(() => temperaturesOf(workstation), { timeout: 30_000 }).toBeGreaterThan(before);
}

function temperaturesOf({ stdout }: Program): number {
  return stdout.match(/^2\d(\.\d+)?$/gm)?.length ?? 0;
}

test('the programs have six lines at most, and no option but the port', () => {
  for (const code of [instrumentCode, workstationCode]) {
    expect(String(code).trim().split('\n').length).toBeLessThanOrEqual(6);
    expect(code).toMatch(/(listen|connect)\(\{ port: 5001 \}\)/);
  }
});

test.each(['instrument', 'workstation'] as const)(
  'started with the %s first, the temperatures flow, also after each end was killed and started again',
  { timeout: 120_000 },
  async (first) => {
    const { instrument, workstation } = programs();
    const port = await freePort();
    let source = first === 'instrument' ? instrument(port) : undefined;
    let sink = workstation(port);
    if (source === undefined) {
      await sink.untilStderr(/no server at 127\.0\.0\.1:\d+ yet: nothing listens there.*Still trying/);
      source = instrument(port);
    }
    await flows(sink);
    await source.kill();
    source = instrument(port);
    await flows(sink);
    await sink.kill();
    sink = workstation(port);
    await flows(sink);
  },
);

test('the cable is pulled and put back: the temperatures continue', { timeout: 60_000 }, async () => {
  const { instrument, workstation } = programs();
  const port = await freePort();
  const cable = createServer();
  const sockets = new Set<Socket>();
  cable.on('connection', (near) => {
    const far = connectSocket(port, '127.0.0.1');
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => cable.listen(0, '127.0.0.1', resolve));
  const pull = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  onTestFinished(() => {
    pull();
    cable.close();
  });
  instrument(port);
  const sink = workstation((cable.address() as { port: number }).port);
  await flows(sink);
  pull();
  await flows(sink);
});

test.skipIf(process.platform === 'win32')(
  'a workstation that reads nothing for a while gets every temperature afterwards, in order',
  { timeout: 60_000 },
  async () => {
    const { instrument, workstation } = programs();
    const port = await freePort();
    const source = instrument(port);
    const sink = workstation(port);
    await flows(sink);
    sink.signal('SIGSTOP');
    const before = temperaturesOf(sink);
    await new Promise((resolve) => setTimeout(resolve, 3500)); // the program sends one temperature each second meanwhile
    expect(temperaturesOf(sink)).toBe(before);
    sink.signal('SIGCONT');
    await expect.poll(() => temperaturesOf(sink), { timeout: 30_000 }).toBeGreaterThanOrEqual(before + 3);
    expect(source.stderr).toBe('');
    expect(sink.stderr).not.toMatch(/ERR_SERPY_(?!CONNECT)/);
  },
);
