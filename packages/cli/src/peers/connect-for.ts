/** Connects for a command. With `--wait` it says once that the server is not there yet. */
import { type Connection, type ConnectOptions, connect } from 'serpy';
import type { Context } from '../environment/context.js';
import { toSentence } from '../failure.js';

/** The end of the library's sentence: on the command line, waiting is what `--wait` asked for. */
const adviceForPrograms = /\. Set waitForServer: false.*$/;

/**
 * @param signal aborts the attempt. Default: the interruption of the command
 * @param isQuiet for `--quiet`: says nothing while it waits
 */
export async function connectFor(
  { terminal, interruption }: Pick<Context, 'terminal' | 'interruption'>,
  options: ConnectOptions,
  signal: AbortSignal = interruption.signal,
  isQuiet = false,
): Promise<Connection> {
  const say = (error: Error & { readonly code: string }) => {
    // Any other warning precedes the error that ends the command.
    if (!isQuiet && options.waitForServer && error.code === 'ERR_SERPY_CONNECT')
      terminal.note(toSentence(error).replace(adviceForPrograms, ': Ctrl-C ends the wait'));
  };
  const connection = await connect(options, { signal, prepare: (each) => void each.on('warning', say) });
  connection.off('warning', say);
  return connection;
}
