/** A progress bar on stderr, in a terminal only, and only for a total of 1 MB or more. */
import cliProgress from 'cli-progress';
import type { Context } from '../environment/context.js';
import { rendered } from '../environment/terminal.js';
import { formatBytes } from '../format.js';

const minBytes = 1_000_000;

const pollMs = 100;

export interface ProgressBar {
  /** Removes the bar from the screen. */
  stop(): void;
}

/** Shows the progress until `stop`. The total may grow. */
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
  const poll = () => {
    update();
    timer = clock.setTimeout(poll, pollMs);
  };
  poll();
  return {
    stop() {
      clock.clearTimeout(timer);
      if (bar) update();
      bar?.stop();
    },
  };
}
