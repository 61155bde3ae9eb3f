/**
 * The frames of a handshake: HELLO from the client, WELCOME from the server. Each is a frame of bytes whose checksum is the complement of the
 * right one. A Python peer drops such a frame with one warning and continues, while a frame of an unknown type terminates its receiver thread.
 */

import { nameFrom } from 'serpy-core';
import { crc32 } from '../reliable/crc32.js';
import {
  type Hello,
  idBytes,
  proofBytes,
  type ResumeRequest,
  type SessionGrant,
  type SessionParameters,
  secretBytes,
} from '../session/session-parameters.js';
import { checksum } from '../wire/checksum.js';
import { frameType, headerBytes } from '../wire/constants.js';
import { writeHeader } from '../wire/header.js';
import { TlvReader, TlvWriter } from './tlv.js';

const helloTag = Buffer.from('serpy HELLO\n', 'latin1');
const welcomeTag = Buffer.from('serpy WELCO\n', 'latin1');
const tagBytes = helloTag.length;
const crcBytes = 4;

/** A longer frame is neither a HELLO nor a WELCOME. */
export const maxGreetingBytes = 4096;

/** The version of the session protocol. */
const version = 1;

const field = {
  versions: 0x01,
  limits: 0x02,
  heartbeat: 0x03,
  instance: 0x04,
  window: 0x05,
  reason: 0x06,
  resumable: 0x07,
  session: 0x08,
  plain: 0x09,
  resume: 0x81,
  proof: 0x82,
  position: 0x83,
  lost: 0x84,
  features: 0x0a,
  name: 0x0b,
} as const;

const known: readonly number[] = Object.values(field);

/** Bit of `features`: the link is encrypted, so records need no checksum. */
const encryptedFeature = 1;

/** Bit of `features`: frames of the type `43`, messages with metadata, are read. */
const aboutFeature = 2;

/** Never assigned: an unknown field in every HELLO and WELCOME makes sure that peers skip unknown fields. */
const greaseField = 0x5a;

/** `'declined'`: the client wants no session, although the server offered one. */
export type GreetingKind = 'hello' | 'welcome' | 'declined';

export type WelcomeResult =
  | ({ readonly kind: 'new' } & SessionGrant)
  /** The server does not have the requested session. `received`: how far it had received, if that is still known. */
  | ({ readonly kind: 'lost'; readonly reason: string; readonly received: number | undefined } & SessionGrant)
  | { readonly kind: 'resumed'; readonly received: number; readonly consumed: number }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Welcome extends SessionParameters {
  readonly result: WelcomeResult;
}

export function encodeHello(hello: Hello): Buffer {
  const fields = parameterFields(hello).numbers(field.resumable, hello.resumableMs);
  if (hello.resume) {
    const { id, attempt, proof, received, consumed } = hello.resume;
    fields.bytes(field.resume, id).bytes(field.proof, proof).numbers(field.position, attempt, received, consumed);
  }
  return greetingFrame(helloTag, fields.bytes(greaseField, Buffer.of(1)).finish());
}

/** @throws `ERR_SERPY_PROTOCOL` for a malformed HELLO */
export function decodeHello(payload: Buffer): Hello {
  const fields = fieldsOf(payload);
  const [resumableMs] = fields.numbers(field.resumable, 1) as [number];
  return {
    ...parametersOf(fields),
    resumableMs,
    resume: fields.has(field.resume) ? resumeRequestOf(fields) : undefined,
  };
}

function resumeRequestOf(fields: TlvReader): ResumeRequest {
  const [attempt, received, consumed] = fields.numbers(field.position, 3) as [number, number, number];
  return {
    id: fields.bytes(field.resume, idBytes),
    proof: fields.bytes(field.proof, proofBytes),
    attempt,
    received,
    consumed,
  };
}

export function encodeWelcome(welcome: Welcome): Buffer {
  const fields = parameterFields(welcome);
  const { result } = welcome;
  switch (result.kind) {
    case 'refused':
      fields.bytes(field.reason, Buffer.from(result.reason));
      break;
    case 'resumed':
      fields.numbers(field.position, result.received, result.consumed);
      break;
    case 'lost':
      fields.bytes(field.reason, Buffer.from(result.reason));
      fields.numbers(field.lost, ...(result.received === undefined ? [] : [result.received]));
      sessionFields(fields, result);
      break;
    case 'new':
      sessionFields(fields, result);
  }
  return greetingFrame(welcomeTag, fields.bytes(greaseField, Buffer.of(1)).finish());
}

function sessionFields(fields: TlvWriter, { id, secret, plainMessages }: SessionGrant): void {
  fields.bytes(field.session, Buffer.concat([id, secret])).numbers(field.plain, plainMessages);
}

/** @throws `ERR_SERPY_PROTOCOL` for a malformed WELCOME */
export function decodeWelcome(payload: Buffer): Welcome {
  const fields = fieldsOf(payload);
  return { ...parametersOf(fields), result: resultOf(fields) };
}

function resultOf(fields: TlvReader): WelcomeResult {
  if (fields.has(field.position)) {
    const [received, consumed] = fields.numbers(field.position, 2) as [number, number];
    return { kind: 'resumed', received, consumed };
  }
  const reason = fields.has(field.reason) ? fields.raw(field.reason).toString() : '';
  if (!fields.has(field.session)) return { kind: 'refused', reason };
  const both = fields.bytes(field.session, idBytes + secretBytes);
  const [plainMessages] = fields.numbers(field.plain, 1) as [number];
  const session = { id: both.subarray(0, idBytes), secret: both.subarray(idBytes), plainMessages };
  if (!fields.has(field.lost)) return { kind: 'new', ...session };
  const isKnown = fields.raw(field.lost).length > 0;
  return { kind: 'lost', reason, received: isKnown ? fields.numbers(field.lost, 1)[0] : undefined, ...session };
}

function parameterFields({
  instance,
  maxMessageBytes,
  pingIntervalMs,
  limit,
  encrypted,
  readsAbout,
  name,
}: SessionParameters): TlvWriter {
  const fields = new TlvWriter()
    .numbers(field.versions, version, version)
    .bytes(field.instance, instance)
    .numbers(field.limits, maxMessageBytes)
    .numbers(field.heartbeat, pingIntervalMs)
    .numbers(field.window, limit);
  const features = (encrypted ? encryptedFeature : 0) | (readsAbout ? aboutFeature : 0);
  if (features !== 0) fields.numbers(field.features, features);
  return name === undefined ? fields : fields.bytes(field.name, Buffer.from(name));
}

function parametersOf(fields: TlvReader): SessionParameters {
  const [maxMessageBytes] = fields.numbers(field.limits, 1) as [number];
  const [pingIntervalMs] = fields.numbers(field.heartbeat, 1) as [number];
  const [limit] = fields.numbers(field.window, 1) as [number];
  const [features] = fields.has(field.features) ? (fields.numbers(field.features, 1) as [number]) : [0];
  return {
    instance: fields.bytes(field.instance, idBytes),
    maxMessageBytes,
    pingIntervalMs,
    limit,
    encrypted: (features & encryptedFeature) !== 0,
    readsAbout: (features & aboutFeature) !== 0,
    name: fields.has(field.name) ? nameFrom(fields.raw(field.name)) : undefined,
  };
}

/** Whether this version is among those that a HELLO states. */
export function isVersionKnown(payload: Buffer): boolean {
  const [oldest, newest] = fieldsOf(payload).numbers(field.versions, 2) as [number, number];
  return oldest <= version && version <= newest;
}

function fieldsOf(payload: Buffer): TlvReader {
  return new TlvReader(payload.subarray(tagBytes, payload.length - crcBytes), known);
}

/** Detects an intact HELLO or WELCOME in a frame of bytes whose checksum is wrong. */
export function detectGreeting(statedSum: number, sum: number, payload: Buffer): GreetingKind | undefined {
  if (statedSum !== ~sum >>> 0) return undefined;
  if (payload.length === 0) return 'declined';
  if (payload.length < tagBytes + crcBytes || payload.length > maxGreetingBytes) return undefined;
  const end = payload.length - crcBytes;
  if (crc32(payload, 0, end) !== payload.readUInt32LE(end)) return undefined;
  if (payload.compare(helloTag, 0, tagBytes, 0, tagBytes) === 0) return 'hello';
  return payload.compare(welcomeTag, 0, tagBytes, 0, tagBytes) === 0 ? 'welcome' : undefined;
}

function greetingFrame(tag: Buffer, fields: Buffer): Buffer {
  const frame = Buffer.alloc(headerBytes + tag.length + fields.length + crcBytes);
  const payload = frame.subarray(headerBytes);
  payload.set(tag);
  payload.set(fields, tag.length);
  payload.writeUInt32LE(crc32(payload, 0, payload.length - crcBytes), payload.length - crcBytes);
  writeHeader(frame, 0, frameType.bytes, ~checksum(payload) >>> 0, payload.length);
  return frame;
}
