/** A progress bar on stderr: only where a person looks at it, and only for what takes a moment. */
import cliProgress from 'cli-progress';
import type { Context } from '../environment/context.js';
import { rendered } from '../environment/terminal.js';
import { formatBytes } from '../format.js';

/** From here on. */
const minBytes = 1_000_000;

const pollMs = 100;

export interface ProgressBar {
  /** Ends it; the row is free again. */
  stop(): void;
}

/** Shows how much is done of a total, which may grow, until it is stopped. */
export function showProgress(
  { terminal, clock }: Context,
  totalBytes: () => number,
  doneBytes: () => number,
): ProgressBar {
  const { stderr, noteColors } = terminal;
  if (!stderr.isTTY) return { stop() {} };
  const startedMs = clock.now();
  let bar: cliProgress.SingleBar | undefined;
  const update = () => {
    const total = totalBytes();
    if (!bar && total < minBytes) return;
    const done = Math.min(total, doneBytes());
    const seconds = Math.max(0.001, (clock.now() - startedMs) / 1000);
    const amounts = { done: formatBytes(done), all: formatBytes(total), rate: `${formatBytes(done / seconds)}/s` };
    if (bar) {
      bar.setTotal(total);
      bar.update(done, amounts);
      return;
    }
    bar = new cliProgress.SingleBar({
      stream: stderr as NodeJS.WriteStream,
      format: rendered(noteColors.cyan('{bar}'), ' {percentage} %  {done} of {all}  {rate}'),
      barsize: 30,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
    });
    bar.start(total, done, amounts);
  };
  let timer: unknown;
  const look = () => {
    update();
    timer = clock.setTimeout(look, pollMs);
  };
  look();
  return {
    stop() {
      clock.clearTimeout(timer);
      if (bar) update();
      bar?.stop();
    },
  };
}
