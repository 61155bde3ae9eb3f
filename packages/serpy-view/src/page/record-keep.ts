/** "Keep this": marks an interval of the recording, and goes to what was marked. */
import type { FromPage } from '../wire/messages.js';
import type { MarksView, MarkView, TimeView } from '../wire/time.js';
import { button, element, setText } from './dom.js';
import { formatValue } from './format.js';

const maxLabelLength = 200;

export class KeepBox {
  readonly root = element('fieldset', { class: 'keep', id: 'keep' }, element('legend', {}, 'Keep this'));
  /** On a phone there is no room for everything. */
  readonly opener = button('Keep …', 'Keep an interval', () => this.#open(), {
    class: 'opener',
    'aria-expanded': 'false',
    'aria-controls': 'keep',
  });
  readonly #send: (message: FromPage) => void;
  readonly #n: () => number;
  readonly #from = button('From here', 'The interval begins at this message (i)', () => this.from(), {
    'aria-label': 'keep from here',
  });
  readonly #to = button('To here', 'The interval ends at this message (o)', () => this.to(), {
    'aria-label': 'keep to here',
  });
  readonly #label = element('input', {
    type: 'text',
    maxlength: String(maxLabelLength),
    placeholder: 'label',
    'aria-label': 'label of the mark',
  });
  readonly #keep = button('Keep', 'Mark the interval in the recording (k)', () => this.keep());
  readonly #interval = element('output', { 'aria-live': 'off' });
  readonly #list = element('select', { 'aria-label': 'go to a mark', title: 'go to a mark', hidden: true });
  #first: number | undefined;
  #last: number | undefined;
  #marks: readonly MarkView[] = [];

  /** @param n the message that is shown */
  constructor(send: (message: FromPage) => void, n: () => number) {
    this.#send = send;
    this.#n = n;
    this.root.append(this.#from, this.#to, this.#interval, this.#label, this.#keep);
    this.#label.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.keep();
    });
    this.#list.addEventListener('change', () => {
      const mark = this.#marks[Number(this.#list.value)];
      this.#list.value = '';
      if (mark) this.#send({ type: 'seek', n: mark.first });
    });
  }

  /** The list of marks: also for those who can only look. */
  get list(): HTMLSelectElement {
    return this.#list;
  }

  /** The chosen interval. */
  get chosen(): readonly [first: number, last: number] | undefined {
    if (this.#first === undefined && this.#last === undefined) return undefined;
    const n = this.#n();
    const [one, other] = [this.#first ?? n, this.#last ?? n];
    return [Math.min(one, other), Math.max(one, other)];
  }

  from(): void {
    this.#first = this.#n();
    if (this.#last !== undefined && this.#last < this.#first) this.#last = undefined;
    this.#showInterval();
  }

  to(): void {
    this.#last = this.#n();
    this.#showInterval();
  }

  /** Without an interval the message that is shown is marked. */
  keep(): void {
    const n = this.#n();
    if (n < 0 || this.#keep.disabled) return;
    const [first, last] = this.chosen ?? [n, n];
    this.#send({ type: 'mark', first, last, label: this.#label.value.slice(0, maxLabelLength) });
    this.#first = undefined;
    this.#last = undefined;
    this.#label.value = '';
    this.#showInterval();
  }

  show({ cannotMark, n }: TimeView): void {
    const controls = [this.#from, this.#to, this.#label, this.#keep];
    for (const control of controls) control.disabled = cannotMark !== null || n < 0;
    this.root.title = cannotMark ?? '';
    this.root.hidden = cannotMark === 'this page can only look';
    this.opener.hidden = this.root.hidden;
    this.#showInterval();
  }

  showMarks({ marks }: MarksView): void {
    this.#marks = marks;
    const options = marks.map(({ first, last, label }, at) =>
      element(
        'option',
        { value: String(at) },
        `${label === '' ? 'mark' : label}: ${formatValue(first)} to ${formatValue(last)}`,
      ),
    );
    const head = element(
      'option',
      { value: '' },
      `${formatValue(marks.length)} ${marks.length === 1 ? 'mark' : 'marks'}`,
    );
    this.#list.replaceChildren(head, ...options);
    this.#list.hidden = marks.length === 0;
  }

  #open(): void {
    const isOpen = this.root.toggleAttribute('data-open');
    this.opener.setAttribute('aria-expanded', String(isOpen));
  }

  #showInterval(): void {
    const [first, last] = this.chosen ?? [];
    setText(this.#interval, first === undefined ? '' : `${formatValue(first)} to ${formatValue(last ?? first)}`);
  }
}
