/** The text in a header: a Python dict of three names, read as just that. Every character is looked at once. */

/** What the dict says. */
export interface NpyText {
  /** Numpy's name of the type, as `<f4`; undefined where it has fields, and so is a list. */
  readonly descr: string | undefined;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** Strings without escapes, numbers (of Python 2 with an L), names and signs. */
const token = /[ \t\r\n]*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(\d{1,20})L?|([A-Za-z]{1,8})|([{}()[\]:,]))/y;

type Token =
  | { readonly kind: 'string' | 'name' | 'sign'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string };

/** The dict, or undefined for anything else. */
export function readNpyText(text: string): NpyText | undefined {
  const reader = new RegExp(token);
  const next = (): Token | undefined => {
    const [, single, double, number, name, sign] = reader.exec(text) ?? [];
    const string = single ?? double;
    if (string !== undefined) return { kind: 'string', text: string };
    if (number !== undefined) return { kind: 'number', text: number };
    if (name !== undefined) return { kind: 'name', text: name };
    return sign === undefined ? undefined : { kind: 'sign', text: sign };
  };
  const found: { descr?: string | undefined; fortranOrder?: boolean; shape?: readonly number[] } = {};
  if (!isSign(next(), '{')) return undefined;
  for (let key = next(); !isSign(key, '}'); key = next()) {
    if (key?.kind !== 'string' || !isSign(next(), ':')) return undefined;
    const value = next();
    switch (key.text) {
      case 'descr':
        if ('descr' in found) return undefined;
        // A list has fields: what they are need not be read, as no such array is given.
        if (isSign(value, '[')) return { descr: undefined, fortranOrder: false, shape: [] };
        if (value?.kind !== 'string') return undefined;
        found.descr = value.text;
        break;
      case 'fortran_order':
        if ('fortranOrder' in found || value?.kind !== 'name' || !/^(?:True|False)$/.test(value.text)) return undefined;
        found.fortranOrder = value.text === 'True';
        break;
      case 'shape': {
        const shape = 'shape' in found || !isSign(value, '(') ? undefined : readTuple(next);
        if (shape === undefined) return undefined;
        found.shape = shape;
        break;
      }
      default:
        return undefined;
    }
    const after = next();
    if (isSign(after, '}')) break;
    if (!isSign(after, ',')) return undefined;
  }
  const { descr, fortranOrder, shape } = found;
  if (descr === undefined || fortranOrder === undefined || shape === undefined) return undefined;
  return /^[ \t\r\n]*$/.test(text.slice(reader.lastIndex)) ? { descr, fortranOrder, shape } : undefined;
}

/** The numbers up to the closing bracket; one alone has a comma behind it. */
function readTuple(next: () => Token | undefined): number[] | undefined {
  const numbers: number[] = [];
  for (let each = next(); !isSign(each, ')'); each = next()) {
    if (each?.kind !== 'number') return undefined;
    numbers.push(Number(each.text));
    const after = next();
    if (isSign(after, ')')) return numbers.length === 1 ? undefined : numbers;
    if (!isSign(after, ',')) return undefined;
  }
  return numbers;
}

function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === 'sign' && token.text === sign;
}
