/** A session between two programs: one is stopped for longer than the timeout of a link, or the network between them breaks silently. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect, type PortableConnection } from 'serpy';
import { DeliveryChecker } from 'serpy-core/testing';
import type { PeerArguments } from '../processes/peer.js';
import type { Figure } from './figure.js';

const stopMs = 30_000;
const partitionMs = 10_000;
const bystanderMs = 50;

const peerFile = fileURLToPath(new URL('./peer.mjs', import.meta.url));

interface Outcome {
  readonly faults: readonly string[];
  readonly messages: number;
  readonly links: number;
}

/** Exchanges messages one after another while something happens to the server. */
async function exchangeWhile(
  host: string,
  port: number,
  options: object,
  happens: () => Promise<void>,
): Promise<Outcome> {
  const session = { session: 'prefer', autoRestart: true, reconnect: { baseDelayMs: 20, maxDelayMs: 200 } };
  const connected = await connect({ protocol: 'v2', host, port, ...session, ...options } as never);
  const connection = connected as unknown as PortableConnection;
  connection.on('warning', () => {});
  const checker = new DeliveryChecker({ order: 'stream' });
  let goesOn = true;
  let sent = 0;
  const send = async (text: string) => {
    const attempt = checker.attempted(text);
    attempt.ended((await connection.sendData(text)) ? 'accepted' : 'failed');
  };
  const sending = (async () => {
    for (; goesOn; sent++) {
      await send(`message ${sent}`);
      await sleep(bystanderMs);
    }
    await send('end');
  })();
  const receiving = (async () => {
    for (let text = ''; text !== 'end'; ) {
      text = String(await connection.getData({ timeoutMs: 2 * stopMs }));
      checker.received('the client', text);
    }
  })();
  await happens();
  goesOn = false;
  await sending;
  await receiving;
  const { reconnects } = connection.stats();
  connection.destroy();
  return { faults: checker.verify({ allowMissing: 0 }), messages: sent, links: reconnects + 1 };
}

/** An echo server in a separate process, and its port. */
async function serve(given: PeerArguments, command: readonly string[] = []): Promise<[ChildProcess, number]> {
  const [first = process.execPath, ...before] = [...command, process.execPath];
  const program = spawn(first, [...before, peerFile, JSON.stringify(given)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let printed = '';
  for await (const text of program.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    printed += text;
    const [, port] = /listening on (\d+)\n/.exec(printed) ?? [];
    if (port === undefined) continue;
    program.stdout.resume();
    return [program, Number(port)];
  }
  throw new Error(`the server has ended: ${printed}`);
}

async function end(program: ChildProcess): Promise<void> {
  const exited = once(program, 'exit');
  program.kill('SIGKILL');
  await exited;
}

/** A server that is stopped for twice the timeout of a link, with the defaults. */
export async function measureStopped(): Promise<Figure> {
  const [program, port] = await serve({ protocol: 'v2', port: 0 });
  const { faults, messages, links } = await exchangeWhile('127.0.0.1', port, {}, async () => {
    await sleep(500);
    program.kill('SIGSTOP');
    await sleep(stopMs);
    program.kill('SIGCONT');
    await sleep(2000);
  });
  await end(program);
  return {
    what: 'a server in a session is stopped (SIGSTOP) for 30 s',
    bound: '0 lost, 0 duplicated, one session',
    measured: `${messages} messages, ${links} links: ${faults.length} faults`,
    ok: faults.length === 0 && links > 1,
    faults,
  };
}

const [space, outside, inside] = ['serpy-partition', 'serpy-out', 'serpy-in'] as const;

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'ignore' });
}

function removeSpace(): void {
  for (const args of [
    ['netns', 'del', space],
    ['link', 'del', outside],
  ]) {
    try {
      ip(...args);
    } catch {} // it did not exist
  }
}

/** Creates another network, with a cable to this one. @returns false if this computer does not allow it */
function makeSpace(): boolean {
  removeSpace();
  try {
    ip('netns', 'add', space);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside);
    ip('link', 'set', inside, 'netns', space);
    ip('addr', 'add', '10.231.77.1/30', 'dev', outside);
    ip('link', 'set', outside, 'up');
    ip('-n', space, 'addr', 'add', '10.231.77.2/30', 'dev', inside);
    plug('up');
    return true;
  } catch {
    removeSpace();
    return false;
  }
}

/** The far end of the cable. The near end notices nothing. */
function plug(how: 'up' | 'down'): void {
  ip('-n', space, 'link', 'set', inside, how);
}

/** A cable between two networks of this computer that is pulled and plugged in again; undefined if it allows only one network. */
export async function measurePartition(): Promise<Figure | undefined> {
  if (!makeSpace()) return undefined;
  const short = { pingIntervalMs: 500, peerTimeoutMs: 1500 };
  try {
    const options = { host: '10.231.77.2', insecure: true, ...short };
    const [program, port] = await serve({ protocol: 'v2', port: 0, options }, ['ip', 'netns', 'exec', space]);
    const { faults, messages, links } = await exchangeWhile(
      '10.231.77.2',
      port,
      { connectTimeoutMs: 2000, ...short },
      async () => {
        for (let times = 0; times < 2; times++) {
          await sleep(500);
          plug('down');
          await sleep(partitionMs);
          plug('up');
          await sleep(4000);
        }
      },
    );
    await end(program);
    return {
      what: 'the cable between two network namespaces is pulled for 10 s, twice',
      bound: '0 lost, 0 duplicated, one session',
      measured: `${messages} messages, ${links} links: ${faults.length} faults`,
      ok: faults.length === 0 && links > 1,
      faults,
    };
  } finally {
    removeSpace();
  }
}
