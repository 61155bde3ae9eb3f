/** The panel of texts, newest at the end. */
import type { Part } from '../wire/frame.js';
import type { Frame, LogFrame } from '../wire/messages.js';
import { element } from './dom.js';
import { PanelBox } from './panel-box.js';

const maxLines = 200;

export class LogPanelBox extends PanelBox {
  readonly #lines = element('ol', { class: 'lines', tabindex: '0', 'aria-label': 'texts' });

  /** Every frame has lines of its own, so none may be left out. */
  protected override onArrival(header: Frame): void {
    if (!this.#lines.isConnected) this.body.append(this.#lines);
    if ((header as LogFrame).isWhole) this.#lines.replaceChildren();
    const isAtEnd = this.#lines.scrollTop + this.#lines.clientHeight >= this.#lines.scrollHeight - 8;
    for (const { wallMs, text } of (header as LogFrame).lines) {
      const time = new Date(wallMs);
      const shown = element('time', { datetime: time.toISOString() }, time.toLocaleTimeString('en-GB'));
      this.#lines.append(element('li', {}, shown, element('bdi', {}, text)));
    }
    while (this.#lines.children.length > maxLines) this.#lines.firstChild?.remove();
    if (isAtEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  protected draw(_header: Frame, _parts: Part[]): void {}
}
