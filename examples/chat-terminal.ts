// A terminal for a chat: what others say does not break the line that is being typed. Works with pipes as well.
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';

export class ChatTerminal {
  readonly #readline: Interface;
  readonly #lines: AsyncIterableIterator<string>;
  /** Whether a prompt stands in the last row, maybe with something typed after it. */
  #prompting = false;

  constructor() {
    const { stdin: input, stdout: output } = process;
    const terminal = input.isTTY === true && output.isTTY === true;
    this.#readline = createInterface({ input, output, terminal });
    // Asked for now: lines that come before somebody waits for them would be lost.
    this.#lines = this.#readline[Symbol.asyncIterator]();
    this.#readline.once('close', () => {
      if (this.#prompting) process.stdout.write('\n');
      this.#prompting = false;
    });
    process.once('SIGINT', () => this.close()); // Ctrl-C in a terminal closes readline without our help
  }

  /** The lines that are typed, until the input ends, `close()`, or Ctrl-C. */
  async *lines(prompt: () => string): AsyncIterableIterator<string> {
    for (;;) {
      if (this.#readline.terminal) {
        this.#prompting = true;
        this.#readline.setPrompt(prompt());
        this.#readline.prompt();
      }
      const { done, value } = await this.#lines.next();
      this.#prompting = false;
      if (done) return;
      yield value;
    }
  }

  /** Prints above the line that is being typed. */
  print(text: string): void {
    const line = text.replace(/\p{Cc}/gu, '?'); // what others send must not move our cursor
    if (!this.#prompting) {
      console.log(line);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    moveCursor(process.stdout, 0, -rows);
    cursorTo(process.stdout, 0);
    clearScreenDown(process.stdout);
    process.stdout.write(`${line}\n`);
    Object.assign(this.#readline, { prevRows: 0 }); // rows that readline would go up before it draws: we are there
    this.#readline.prompt(true);
  }

  close(): void {
    this.#readline.close();
  }
}
