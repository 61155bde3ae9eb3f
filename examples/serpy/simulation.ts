// A simulated experiment. Both ends compute it, so that a client can compare what it receives.

/** Pixels per side of an image: 512 × 512 float32 are 1 MiB. */
export const side = 512;

/** The interference of two plane waves on a camera, with a phase that grows with each frame. */
function interferenceImage(frame: number): Float32Array {
  const image = new Float32Array(side * side);
  const phase = frame * 0.37;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      image[y * side + x] =
        1 + Math.cos(0.051 * x + 0.023 * y + phase) * Math.exp(-((x - 256) ** 2 + (y - 256) ** 2) / 40_000);
    }
  }
  return image;
}

/** The number of images, after which the camera starts again. */
export const filmLength = 24;

/** All images of the camera as bytes. */
export function film(): Buffer[] {
  return Array.from({ length: filmLength }, (_, frame) => bytesOf(interferenceImage(frame)));
}

/** The photons in interval `index` of 10 ms: a drifting rate with reproducible noise. */
export function photonCount(index: number): number {
  const noise = Math.imul(index + 1, 2654435761) >>> 0;
  return 4000 + Math.round(900 * Math.sin(index / 12)) + (noise % 127);
}

/** The bytes of an image on the wire, in the byte order of this computer. */
function bytesOf(image: Float32Array): Buffer {
  return Buffer.from(image.buffer, image.byteOffset, image.byteLength);
}
