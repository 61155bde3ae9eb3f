// A terminal for a chat: incoming messages do not disturb the line that is being typed. It also works with pipes.
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';

export class ChatTerminal {
  readonly #readline: Interface;
  readonly #lines: AsyncIterableIterator<string>;
  /** Whether the last row is a prompt, possibly with typed text. */
  #prompting = false;

  constructor() {
    const { stdin: input, stdout: output } = process;
    const terminal = input.isTTY === true && output.isTTY === true;
    this.#readline = createInterface({ input, output, terminal });
    // Created now, because lines that arrive earlier would be lost.
    this.#lines = this.#readline[Symbol.asyncIterator]();
    this.#readline.once('close', () => {
      if (this.#prompting) process.stdout.write('\n');
      this.#prompting = false;
    });
    process.once('SIGINT', () => this.close()); // in a terminal, Ctrl-C closes readline without this
  }

  /** The typed lines, until the input ends, `close()`, or Ctrl-C. */
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
    const line = text.replace(/\p{Cc}/gu, '?'); // incoming text must not move the cursor
    if (!this.#prompting) {
      console.log(line);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    moveCursor(process.stdout, 0, -rows);
    cursorTo(process.stdout, 0);
    clearScreenDown(process.stdout);
    process.stdout.write(`${line}\n`);
    Object.assign(this.#readline, { prevRows: 0 }); // readline must not move up before it draws, since the cursor is already there
    this.#readline.prompt(true);
  }

  close(): void {
    this.#readline.close();
  }
}
