import { loadKernel } from 'serpy-core';
import { afterEach, describe, expect, test, vi } from 'vitest';

/** `(module (memory (export "memory") 1) (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))` */
const storeModule = 'AGFzbQEAAAABBgFgAn9/AAMCAQAFAwEAAQcSAgZtZW1vcnkCAAVzdG9yZQAACgsBCQAgACABOgAACw==';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('loadKernel', () => {
  test('gives what a module exports, and its memory as bytes', () => {
    const kernel = loadKernel<{ store: (address: number, value: number) => void }>(storeModule);
    kernel?.exports.store(7, 42);
    expect(kernel?.memory.length).toBe(65_536);
    expect(kernel?.memory[7]).toBe(42);
  });

  test('gives undefined without WebAssembly', () => {
    vi.stubGlobal('WebAssembly', undefined);
    expect(loadKernel(storeModule)).toBeUndefined();
  });

  test('gives undefined for a module that this WebAssembly cannot compile', () => {
    expect(loadKernel(Buffer.from('none').toString('base64'))).toBeUndefined();
  });
});
