/** The screen for a program's output: a terminal with the escape sequences of readline and the demo, which rejects all others. */

export class Screen {
  rows: string[] = [''];
  /** Whether the cursor is shown, and whether a program has taken over the whole screen. */
  isCursorShown = true;
  isTakenOver = false;
  /** Every color that was set, as `38;5;16`. */
  readonly colors = new Set<string>();
  #before: { readonly rows: string[]; readonly row: number; readonly column: number } | undefined;
  /** The width. The program detects a change itself. */
  columns: number;
  #row = 0;
  #column = 0;
  #saved: [row: number, column: number] = [0, 0];

  constructor(columns: number) {
    this.columns = columns;
  }

  /** The screen after an output, its rows without blanks at the end. */
  static rows(output: string, columns: number): string[] {
    const screen = new Screen(columns);
    screen.write(output);
    return screen.rows.map((row) => row.trimEnd());
  }

  write(output: string): void {
    for (const [whole, argument, command] of output.matchAll(/\x1b\[(\??[\d;]*)([A-Za-z])|\x1b[78]|[\s\S]/gu)) {
      if (whole === '\x1b7') this.#saved = [this.#row, this.#column];
      else if (whole === '\x1b8') [this.#row, this.#column] = this.#saved;
      else if (command === 'm') this.#color(argument ?? '');
      else if (argument?.startsWith('?')) this.#mode(argument, command === 'h');
      else if (command === 'H') this.#place(argument ?? '');
      else if (command !== undefined) this.#control(command, argument === '' ? undefined : Number(argument));
      else if (whole === '\r') this.#column = 0;
      else if (whole === '\n') this.#moveTo(this.#row + 1);
      else if (whole >= ' ') this.#put(whole);
      else throw new Error(`this screen does not know the character ${JSON.stringify(whole)}`);
    }
  }

  #color(codes: string): void {
    if (codes !== '' && codes !== '0') this.colors.add(codes);
  }

  #mode(mode: string, isOn: boolean): void {
    if (mode === '?7') return; // whether long rows are wrapped
    if (mode === '?25') this.isCursorShown = isOn;
    else if (mode !== '?1049') throw new Error(`this screen does not know the mode ${mode}`);
    else if (isOn) {
      this.#before = { rows: this.rows, row: this.#row, column: this.#column };
      this.rows = [''];
      this.#place('');
      this.isTakenOver = true;
    } else if (this.#before) {
      this.rows = this.#before.rows;
      this.#moveTo(this.#before.row);
      this.#column = this.#before.column;
      this.isTakenOver = false;
    }
  }

  #place(place: string): void {
    const [row = 1, column = 1] = place.split(';').map((each) => Number(each || 1));
    this.#moveTo(row - 1);
    this.#column = column - 1;
  }

  #control(command: string, argument: number | undefined): void {
    switch (command) {
      case 'A':
        return this.#moveTo(Math.max(0, this.#row - (argument ?? 1)));
      case 'C':
        this.#column = Math.min(this.columns - 1, this.#column + (argument ?? 1));
        return;
      case 'D':
        this.#column = Math.max(0, this.#column - (argument ?? 1));
        return;
      case 'G':
        this.#column = (argument ?? 1) - 1;
        return;
      case 'J': // down from the cursor, or all
        if (argument === 2) {
          this.rows = this.rows.map(() => '');
          return;
        }
        this.rows.length = this.#row + 1;
        return this.#cut();
      case 'K': // right of the cursor
        return this.#cut();
      default:
        throw new Error(`this screen does not know the escape sequence ${argument ?? ''}${command}`);
    }
  }

  #cut(): void {
    this.rows[this.#row] = this.#current.slice(0, this.#column);
  }

  /** A character after a full row starts the next row. Like in terminals, this happens when the character arrives. */
  #put(character: string): void {
    if (this.#column === this.columns) {
      this.#column = 0;
      this.#moveTo(this.#row + 1);
    }
    const row = this.#current.padEnd(this.#column);
    this.rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
    this.#column++;
  }

  #moveTo(row: number): void {
    this.#row = row;
    while (this.rows.length <= row) this.rows.push('');
  }

  get #current(): string {
    return this.rows[this.#row] as string;
  }
}
