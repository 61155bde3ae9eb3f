/** Numpy's names of types, such as `<f4`; and sentences for those of elements that are no numbers that JavaScript has. */
import { type ByteOrder, type Kind, kindOfCode } from '../dtype.js';

/** What numpy's name of a type says, or a sentence why such elements cannot be given. */
export type Described =
  | { readonly kind: Kind; readonly byteOrder: ByteOrder; readonly refusal?: undefined }
  | { readonly refusal: string };

const maxNameLength = 40;

/** @param descr numpy's `dtype.str`; undefined for a type with fields */
export function readDescr(descr: string | undefined): Described {
  const [, order = '', code = ''] = /^([<>|=]?)(.*)$/s.exec(descr ?? '') ?? [];
  const kind = kindOfCode(code);
  if (kind === undefined) return { refusal: unsupportedReason(descr, code) };
  if (kind.itemBytes > 1 && order !== '<' && order !== '>') {
    return { refusal: `its dtype ${printable(descr as string)} does not say the byte order` };
  }
  return { kind, byteOrder: order === '>' ? 'big' : 'little' };
}

/**
 * What the elements are, and what their sender can do instead.
 * @param descr the type as the header names it; undefined where it has fields
 * @param code the same without the byte order
 */
function unsupportedReason(descr: string | undefined, code: string): string {
  if (descr === undefined) return 'its elements have named fields: let the peer send one array for each field';
  const name = printable(descr);
  switch (code[0]) {
    case 'O':
      return 'it holds Python objects as a pickle, which is never executed: let the peer send an array of numbers, or text';
    case 'S':
    case 'a':
    case 'U':
    case 'T':
      return `its elements are text (${name}): let the peer send text, for example json.dumps(array.tolist())`;
    case 'M':
    case 'm':
      return `its elements are times (${name}): let the peer send array.astype('int64') and their unit`;
    case 'f':
    case 'c':
      return `its elements are numbers of a size that JavaScript lacks (${name}): let the peer send array.astype('float64') or 'complex128'`;
    case 'V':
      return `its elements are raw bytes (${name}): let the peer send array.tobytes()`;
    default:
      return `its elements are of the type ${name}, which is unknown: let the peer send an array of a numeric dtype`;
  }
}

/** A name as it may be shown: what a peer puts into it may steer a terminal. */
function printable(descr: string): string {
  const short = descr.length > maxNameLength ? `${descr.slice(0, maxNameLength)}…` : descr;
  return JSON.stringify(short.replaceAll(/[^\x20-\x7e…]/g, '?'));
}
