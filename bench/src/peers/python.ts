/**
 * Python: multiprocessing.connection of the standard library, and pyzmq if it is installed. The programs are in bench/python.
 * The interpreter is $PYTHON or python3.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Availability, Peer } from '../peer.js';
import type { Kind } from '../workload.js';

const python = process.env.PYTHON ?? 'python3';

/** bench/python, next to bench/dist. */
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'python');

async function versionIn(expression: string, imports: string): Promise<Availability> {
  const code = `import ${imports}, sys; print("Python", sys.version.split()[0] + ${expression})`;
  try {
    const { stdout } = await promisify(execFile)(python, ['-c', code]);
    return { version: stdout.trim() };
  } catch (error) {
    const last = (error as Error).message.trim().split('\n').at(-1);
    return { missing: `${python} cannot run it: ${last}` };
  }
}

function peer(name: string, file: string, kinds: readonly Kind[], available: () => Promise<Availability>): Peer {
  return { name, kinds, available, command: [python, '-u', join(folder, file), name] };
}

const pyzmq = () => versionIn('", pyzmq " + zmq.__version__', 'zmq');

export const peers: readonly Peer[] = [
  peer('py-connection', 'py_connection.py', ['one-way', 'round-trip', 'acknowledged'], () =>
    versionIn('""', 'multiprocessing.connection'),
  ),
  peer('pyzmq-push', 'py_zmq.py', ['one-way'], pyzmq),
  peer('pyzmq-dealer', 'py_zmq.py', ['round-trip', 'acknowledged'], pyzmq),
];
