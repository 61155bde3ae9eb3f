/** Sentences for arrays whose elements are no numbers that JavaScript has. */

const longest = 40;

/**
 * What the elements are, and what their sender can do instead.
 * @param descr the type as the header names it; undefined where it has fields
 * @param code the same without the byte order
 */
export function refusalOf(descr: string | undefined, code: string): string {
  if (descr === undefined) return 'its elements have named fields: let the peer send one array for each field';
  const name = JSON.stringify(descr.length > longest ? `${descr.slice(0, longest)}…` : descr);
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
