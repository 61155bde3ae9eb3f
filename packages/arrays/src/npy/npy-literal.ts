/** Reads the text of a header: a Python dict with three keys. Reads each character once. */

/** The content of the dict. */
export interface NpyText {
  /** numpy's name of the type: `<f4`. Undefined for a type with fields, which is a list. */
  readonly descr: string | undefined;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** Strings without escapes, numbers (with an L in Python 2), names and punctuation. */
const token = /[ \t\r\n]*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(\d{1,20})L?|([A-Za-z]{1,8})|([{}()[\]:,]))/y;

type Token =
  | { readonly kind: 'string' | 'name' | 'sign'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string };

/** Reads the dict. Returns undefined for any other text. */
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
        // A list: a type with fields. The fields are not read, since such an array is rejected.
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

/** Reads the numbers up to the closing bracket. A single number is followed by a comma. */
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
