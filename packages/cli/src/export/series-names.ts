/** The series of messages with metadata: those that say something else are another series, so that a series has one unit. */
import type { About } from 'serpy-recording';

/** Messages with further metadata go to the series without them: each series has files, and buffers. */
const maxSeries = 256;
const maxSlugCharacters = 40;

export interface SeriesName {
  readonly name: string;
  readonly about: About | undefined;
}

export class SeriesNames {
  /** By the name without metadata, and the metadata as text. */
  readonly #known = new Map<string, SeriesName>();
  readonly #taken = new Set<string>();

  /** @param base the name of the series without metadata; the first series of a base has it */
  of(base: string, { about }: { readonly about?: About | undefined }): SeriesName {
    const key = `${base}\n${about === undefined ? '' : JSON.stringify([about.name, about.unit, about.axes])}`;
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size >= maxSeries && about !== undefined) return this.of(base, { about: undefined });
    const series = { name: this.#free(base, about?.name), about };
    this.#known.set(key, series);
    this.#taken.add(series.name);
    return series;
  }

  #free(base: string, quantity: string | undefined): string {
    if (!this.#taken.has(base)) return base;
    const slug = slugOf(quantity ?? '');
    if (slug !== '' && !this.#taken.has(`${base}-${slug}`)) return `${base}-${slug}`;
    for (let number = 2; ; number++) {
      const name = `${base}-${slug === '' ? '' : `${slug}-`}${number}`;
      if (!this.#taken.has(name)) return name;
    }
  }
}

/** A name of a peer as a part of a path: letters, digits, `_` and `-`. */
export function slugOf(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, maxSlugCharacters);
}

/** The names of the axes after that of time, each once; undefined if the sender named none, or another number of them. */
export function axisNames(
  axes: readonly string[] | undefined,
  shape: readonly number[],
  reserved: readonly string[],
): readonly { readonly name: string; readonly label: string }[] | undefined {
  if (axes === undefined || axes.length !== shape.length) return undefined;
  const taken = new Set(reserved);
  return axes.map((label, i) => {
    const slug = slugOf(label);
    const name = slug === '' || taken.has(slug) ? `axis_${i + 1}` : slug;
    taken.add(name);
    return { name, label };
  });
}
