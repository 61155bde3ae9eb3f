/** Loads a WebAssembly module that the build has assembled, if the system supports it. */

/** The used part of the API: Node provides it, its types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/**
 * @param base64 the module
 * @returns its exports and its memory; undefined without WebAssembly or without SIMD
 */
export function loadWasm<Exports>(
  base64: string,
): { readonly exports: Exports; readonly input: Uint8Array } | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, 'base64')));
    const { memory } = exports as { readonly memory: { readonly buffer: ArrayBuffer } };
    return { exports: exports as Exports, input: new Uint8Array(memory.buffer) };
  } catch {
    return undefined;
  }
}
