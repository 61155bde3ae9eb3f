/** WebAssembly where there is some: a module that the build has assembled, with its memory as bytes. */

/** As far as it is used here: Node has it, its types have not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/**
 * What a module exports, and its memory.
 * @param base64 the module
 * @returns undefined where there is no WebAssembly, or none with SIMD
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
