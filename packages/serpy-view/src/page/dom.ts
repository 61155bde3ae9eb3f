/** Elements of the page. Text is always text: nothing here reads markup. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    created.setAttribute(key, value === true ? '' : value);
  }
  created.append(...children);
  return created;
}

export function button(
  text: string,
  title: string,
  onClick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const created = element('button', { type: 'button', title, ...attributes }, text);
  created.addEventListener('click', onClick);
  return created;
}

/** A list of choices with a name. */
export function choice<T extends string>(
  label: string,
  values: Readonly<Record<T, string>>,
  initial: T,
  onChange: (value: T) => void,
): HTMLSelectElement {
  const options = Object.entries<string>(values).map(([value, text]) => element('option', { value }, text));
  const created = element('select', { 'aria-label': label, title: label }, ...options);
  created.value = initial;
  created.addEventListener('change', () => onChange(created.value as T));
  return created;
}

export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Offers bytes as a file. */
export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = element('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
