/** Reads numpy's names of types, such as `<f4`, and explains why the elements of some types cannot be decoded. */
import { type ByteOrder, type Kind, kindOfCode } from '../dtype.js';

/** A type and its byte order, or the reason why its elements cannot be decoded. */
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
    return { refusal: `its dtype ${printable(descr as string)} does not state the byte order` };
  }
  return { kind, byteOrder: order === '>' ? 'big' : 'little' };
}

/**
 * Names the type of the elements, and what to send instead.
 * @param descr the type in the header; undefined for a type with fields
 * @param code the same without the byte order
 */
function unsupportedReason(descr: string | undefined, code: string): string {
  if (descr === undefined) return 'its elements have named fields. Send one array for each field';
  const name = printable(descr);
  switch (code[0]) {
    case 'O':
      return 'it holds Python objects as a pickle, which is never executed. Send an array of numbers, or text';
    case 'S':
    case 'a':
    case 'U':
    case 'T':
      return `its elements are text (${name}). Send text, for example json.dumps(array.tolist())`;
    case 'M':
    case 'm':
      return `its elements are times (${name}). Send array.astype('int64') and the unit`;
    case 'f':
    case 'c':
      return `its elements are numbers of a size that JavaScript lacks (${name}). Send array.astype('float64') or 'complex128'`;
    case 'V':
      return `its elements are raw bytes (${name}). Send array.tobytes()`;
    default:
      return `its elements are of the unknown type ${name}. Send an array of a numeric dtype`;
  }
}

/** Makes a name safe to show: the peer may put terminal control characters into it. */
function printable(descr: string): string {
  const short = descr.length > maxNameLength ? `${descr.slice(0, maxNameLength)}…` : descr;
  return JSON.stringify(short.replaceAll(/[^\x20-\x7e…]/g, '?'));
}
