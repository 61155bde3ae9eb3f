/** "How do I get this in Python?": the lines of a program that reads the same as a panel, to be copied. */
import { type SnippetDescription, type SnippetLanguage, snippetLanguages, snippetOf } from '../snippets/snippets.js';
import type { PanelView, SourceView } from '../wire/messages.js';
import { button, element, setText } from './dom.js';

const names: Readonly<Record<SnippetLanguage, string>> = { python: 'Python', node: 'Node', matlab: 'MATLAB' };
const copiedMs = 2000;

/** One for all panels of a page. */
export class SnippetDialog {
  readonly #code = element('code', {});
  readonly #text = element('pre', { tabindex: '0', 'aria-label': 'program', role: 'tabpanel' }, this.#code);
  readonly #title = element('h2', { id: 'snippet-title' });
  readonly #files = element('select', { 'aria-label': 'what to read' });
  readonly #copied = element('span', { role: 'status' });
  readonly #tabs: ReadonlyMap<SnippetLanguage, HTMLButtonElement>;
  readonly #root: HTMLDialogElement;
  #language: SnippetLanguage = 'python';
  #descriptions: readonly SnippetDescription[] = [];

  constructor() {
    const tab = (language: SnippetLanguage) =>
      button(names[language], names[language], () => this.#choose(language), { role: 'tab' });
    this.#tabs = new Map(snippetLanguages.map((language) => [language, tab(language)]));
    const list = element('div', { role: 'tablist', 'aria-label': 'language' }, ...this.#tabs.values());
    list.addEventListener('keydown', (event) => this.#onKey(event));
    this.#files.addEventListener('change', () => this.#show());
    const copy = button('Copy', 'Copy the program', () => void this.#copy());
    const close = button('Close', 'Close (Esc)', () => this.#root.close());
    this.#root = element(
      'dialog',
      { class: 'snippet', 'aria-labelledby': 'snippet-title' },
      this.#title,
      this.#files,
      list,
      this.#text,
      element('div', { class: 'tools' }, copy, close, this.#copied),
    );
    document.body.append(this.#root);
  }

  /** The button of a panel. @param newest what is known when it is pressed */
  buttonFor(newest: () => { readonly view: PanelView; readonly source: SourceView | undefined }): HTMLButtonElement {
    return button('Python?', 'How do I get this in Python?', () => {
      const { view, source } = newest();
      this.#open(view, source);
    });
  }

  #open(view: PanelView, source: SourceView | undefined): void {
    this.#descriptions = descriptionsFor(view, source);
    setText(this.#title, `How do I get this in Python? ${view.title}`);
    this.#files.replaceChildren(...this.#descriptions.map((each) => element('option', {}, labelOf(each))));
    this.#files.hidden = this.#descriptions.length < 2;
    this.#choose(this.#language);
    this.#root.showModal();
  }

  #choose(language: SnippetLanguage): void {
    this.#language = language;
    for (const [each, tab] of this.#tabs) {
      const isChosen = each === language;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    this.#show();
  }

  #show(): void {
    const description = this.#descriptions[Math.max(0, this.#files.selectedIndex)];
    setText(this.#copied, '');
    this.#code.textContent =
      description === undefined
        ? 'These are values of the program that serves the page: no other program can connect to them.\n'
        : snippetOf(description, this.#language);
  }

  #onKey({ key }: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step === undefined) return;
    const at = snippetLanguages.indexOf(this.#language) + step + snippetLanguages.length;
    this.#choose(snippetLanguages[at % snippetLanguages.length] as SnippetLanguage);
    this.#tabs.get(this.#language)?.focus();
  }

  /** A page over plain HTTP may not use the clipboard, and copies what is selected. */
  async #copy(): Promise<void> {
    const isCopied = await navigator.clipboard?.writeText(this.#code.textContent ?? '').then(
      () => true,
      () => false,
    );
    if (!isCopied) getSelection()?.selectAllChildren(this.#code);
    const isDone = isCopied || document.execCommand('copy');
    setText(this.#copied, isDone ? 'copied' : 'press Ctrl-C');
    setTimeout(() => setText(this.#copied, ''), copiedMs);
  }
}

/** A file that fits the panel comes first. */
function descriptionsFor({ kind, unit }: PanelView, source: SourceView | undefined): readonly SnippetDescription[] {
  const values = ({ image: 'array', curve: 'array', trend: 'number', log: undefined } as const)[kind];
  const fits = (each: SnippetDescription) => {
    if (each.kind === 'connection') return 0;
    if (each.kind === 'values') return kind === 'trend' || kind === 'log' ? 1 : 3;
    return kind === (each.shape.length === 1 ? 'curve' : 'image') ? 1 : 2;
  };
  return [...(source?.snippets ?? [])]
    .sort((a, b) => fits(a) - fits(b))
    .map((each) => (each.kind === 'connection' ? { ...each, values, unit: unit ?? undefined } : each));
}

function labelOf(description: SnippetDescription): string {
  return description.kind === 'connection' ? 'the instrument' : description.file;
}
