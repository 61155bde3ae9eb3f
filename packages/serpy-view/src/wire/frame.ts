/** The form of what the server and the page exchange: texts of JSON, and binary frames with a header of JSON and typed arrays. */

/** The typed arrays of a frame, by their names in its header. */
const kinds = { u1: Uint8Array, u2: Uint16Array, f4: Float32Array, f8: Float64Array } as const;

export type Part = Uint8Array | Uint16Array | Float32Array | Float64Array;

type PartKind = keyof typeof kinds;

interface Envelope {
  readonly header: unknown;
  /** Type and number of elements of each part. */
  readonly parts: readonly (readonly [PartKind, number])[];
}

/** A multiple of the largest element, so that each part can be used in place. */
const alignment = 8;

const aligned = (length: number) => Math.ceil(length / alignment) * alignment;

export function encodeFrame(header: object, parts: readonly Part[]): Uint8Array {
  const described = parts.map((part) => [kindOf(part), part.length] as const);
  const text = new TextEncoder().encode(JSON.stringify({ header, parts: described } satisfies Envelope));
  const start = aligned(4 + text.length);
  const frame = new Uint8Array(parts.reduce((length, part) => length + aligned(part.byteLength), start));
  new DataView(frame.buffer).setUint32(0, text.length, true);
  frame.set(text, 4);
  let at = start;
  for (const part of parts) {
    frame.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += aligned(part.byteLength);
  }
  return frame;
}

/** The parts use the memory of the frame. @throws `RangeError` or `SyntaxError` for something else than a frame */
export function decodeFrame<H>(frame: ArrayBuffer): { readonly header: H; readonly parts: Part[] } {
  const length = new DataView(frame).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(frame, 4, length));
  const { header, parts } = JSON.parse(text) as Envelope;
  let at = aligned(4 + length);
  const views = parts.map(([kind, count]) => {
    const view = new kinds[kind](frame, at, count);
    at += aligned(view.byteLength);
    return view;
  });
  return { header: header as H, parts: views };
}

function kindOf(part: Part): PartKind {
  if (part instanceof Uint8Array) return 'u1';
  if (part instanceof Uint16Array) return 'u2';
  return part instanceof Float32Array ? 'f4' : 'f8';
}
