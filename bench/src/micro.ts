/**
 * Microbenchmarks: `micro.js SECONDS` writes a line of JSON, name to sample. No sockets, one process. Encoders and decoders are the
 * published packages'; the routines below them are not exported, so they come from the sources.
 */
import { RecordingHost } from 'serpy-core/testing';
import { v1Protocol } from 'serpy-v1';
import { v2Protocol } from 'serpy-v2';
import { BufferPool } from '../../packages/core/src/buffers/buffer-pool.js';
import { decodeBase85, encodeBase85 } from '../../packages/serpy-v1/src/values/base85.js';
import { formatFloatHex, parseFloatHex } from '../../packages/serpy-v2/src/values/float-hex.js';
import { checksum } from '../../packages/serpy-v2/src/wire/checksum.js';
import type { Sample } from './measure.js';
import { createPayload } from './payload.js';

interface Benchmark {
  readonly name: string;
  /** Bytes that a run handles; 0 if only runs are counted. */
  readonly bytes: number;
  /** Messages that a run handles. */
  readonly messages: number;
  run(): unknown;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const chunkBytes = 64 * KiB;

/** Chunks of the size that a socket delivers. */
function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  return chunks;
}

const bytesOf = (messageBytes: number) =>
  createPayload({
    name: '',
    title: '',
    kind: 'one-way',
    messageBytes,
    connections: 1,
    inFlight: 1,
    oneCore: false,
    short: [],
  }).bytes;

const quiet = { ...new RecordingHost(), acknowledged: () => undefined, warn: (error: Error) => Promise.reject(error) };

/** Memory for encoded bytes, which are discarded. */
const scratch = { buffer: Buffer.alloc(8 * KiB), offset: 0 };
const pool = new BufferPool();
const nowhere = {
  ...quiet,
  allocate: (sizeBytes: number) => pool.allocate(sizeBytes),
  write: () => undefined,
  reserve: () => scratch,
};

/** The bytes that a protocol state machine writes for one message. */
function written(encode: (output: typeof quiet & Pick<RecordingHost, 'write' | 'reserve'>) => void): Buffer {
  const pieces = new RecordingHost();
  encode({ ...quiet, write: pieces.write, reserve: pieces.reserve });
  return Buffer.concat(pieces.take());
}

type Receiving = { receive(chunk: Buffer, nowMs: number): void; read(): object | undefined; retainUnread(): void };

/** A decoder that reads the same chunks in each run, and throws if a message is missing. `released`: the program releases memory. */
function decoder(
  name: string,
  session: Receiving,
  chunks: readonly Buffer[],
  messages: number,
  bytes: number,
  released = false,
): Benchmark {
  return {
    name,
    bytes,
    messages,
    run() {
      let read = 0;
      for (const chunk of chunks) {
        session.receive(chunk, 0);
        for (let message = session.read(); message !== undefined; message = session.read()) {
          read++;
          if (released) pool.release((message as { readonly value: Uint8Array }).value);
        }
        session.retainUnread();
      }
      if (read !== messages) throw new Error(`${name}: ${read} messages of ${messages}`);
    },
  };
}

function v2Benchmarks(messageBytes: number, size: string): Benchmark[] {
  const protocol = v2Protocol({ maxMessageBytes: 64 * MiB });
  const value = bytesOf(messageBytes);
  const session = (output: Parameters<typeof protocol.createSession>[1]) => {
    const created = protocol.createSession('client', output);
    created.linkUp();
    return created;
  };
  const frame = written((output) => {
    const created = session(output);
    created.send(created.encode(value));
  });
  const count = Math.max(1, Math.floor(chunkBytes / frame.length));
  const stream = Buffer.concat(Array.from({ length: count }, () => frame));
  const sending = session(nowhere);
  const encoder: Benchmark = {
    name: `v2 encoder, ${size}`,
    bytes: messageBytes,
    messages: 1,
    run: () => sending.send(sending.encode(value)),
  };
  const receiving = () => session(nowhere);
  return [
    encoder,
    decoder(`v2 decoder, ${size}, in one piece`, receiving(), [stream], count, count * messageBytes),
    ...(stream.length > chunkBytes
      ? [
          decoder(`v2 decoder, ${size}, pieces of 64 KiB`, receiving(), chunksOf(stream), count, count * messageBytes),
          decoder(`v2 decoder, ${size}, released`, receiving(), chunksOf(stream), count, count * messageBytes, true),
        ]
      : []),
  ];
}

function v1Benchmarks(): Benchmark[] {
  const protocol = v1Protocol({ maxMessageBytes: 64 * MiB, encoding: 'ascii' });
  const bytes = bytesOf(64);
  const text = bytes.toString('latin1');
  const session = (output: Parameters<typeof protocol.createSession>[1]) => {
    const created = protocol.createSession('client', output);
    created.linkUp(0);
    return created;
  };
  const block = written((output) => {
    const created = session(output);
    created.send(created.encode(text, { mode: 0 }));
  });
  const count = Math.floor(chunkBytes / block.length);
  const stream = Buffer.concat(Array.from({ length: count }, () => block));
  const sending = session(nowhere);
  return [
    {
      name: 'v1 encoder, text of 64 B',
      bytes: 64,
      messages: 1,
      run: () => sending.send(sending.encode(text, { mode: 0 })),
    },
    decoder('v1 decoder, text of 64 B, in one piece', session(nowhere), [stream], count, count * 64),
  ];
}

function kernels(): Benchmark[] {
  const blob = bytesOf(MiB);
  const small = bytesOf(64);
  const base85 = encodeBase85(blob);
  const floats = Array.from({ length: 1000 }, (_, index) => Math.sin(index) * 10 ** ((index % 40) - 20));
  const texts = floats.map(formatFloatHex);
  return [
    { name: 'checksum, 1 MiB', bytes: MiB, messages: 1, run: () => checksum(blob) },
    { name: 'checksum, 64 B', bytes: 64, messages: 1, run: () => checksum(small) },
    { name: 'base85 encode, 1 MiB', bytes: MiB, messages: 1, run: () => encodeBase85(blob) },
    { name: 'base85 decode, to 1 MiB', bytes: MiB, messages: 1, run: () => decodeBase85(base85) },
    { name: 'float text, write', bytes: 0, messages: floats.length, run: () => floats.map(formatFloatHex) },
    { name: 'float text, read', bytes: 0, messages: floats.length, run: () => texts.map(parseFloatHex) },
  ];
}

/** The number of runs between two reads of the clock: those of one millisecond. */
function calibrate({ run }: Benchmark): number {
  for (let runs = 1; ; runs *= 2) {
    const startedMs = performance.now();
    for (let done = 0; done < runs; done++) run();
    if (performance.now() - startedMs >= 1) return runs;
  }
}

/** Discards the first fifth of the time, in which V8 compiles. */
function measure(benchmark: Benchmark, seconds: number): Sample {
  const spend = (ms: number): Sample => {
    const runs = calibrate(benchmark);
    const startedMs = performance.now();
    let count = 0;
    do {
      for (let done = 0; done < runs; done++) benchmark.run();
      count += runs;
    } while (performance.now() - startedMs < ms);
    const perSecond = (count / (performance.now() - startedMs)) * 1000;
    return {
      messagesPerSecond: perSecond * benchmark.messages,
      ...(benchmark.bytes > 0 ? { megabytesPerSecond: (perSecond * benchmark.bytes) / 1e6 } : {}),
    };
  };
  spend(seconds * 200);
  return spend(seconds * 800);
}

const seconds = Number(process.argv[2] ?? 1);
const benchmarks = [...kernels(), ...v2Benchmarks(MiB, '1 MiB'), ...v2Benchmarks(64, '64 B'), ...v1Benchmarks()];
console.log(JSON.stringify(benchmarks.map((each) => [each.name, measure(each, seconds)])));
