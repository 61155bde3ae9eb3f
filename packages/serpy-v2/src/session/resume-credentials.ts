/** What a client needs to come back to its session, and how it proves that the session is its own. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { idBytes, type SessionGrant, secretBytes } from './session-parameters.js';

/** Random bytes that nobody can guess. */
export type RandomBytes = (count: number) => Buffer;

export interface ResumeCredentials {
  readonly id: Buffer;
  readonly secret: Buffer;
}

export function createCredentials(randomBytes: RandomBytes): ResumeCredentials {
  return { id: randomBytes(idBytes), secret: randomBytes(secretBytes) };
}

/** What a client keeps of a session that it was given. */
export function credentialsOf({ id, secret }: SessionGrant): ResumeCredentials {
  return { id: Buffer.from(id), secret: Buffer.from(secret) };
}

/** The proof for one attempt to come back: its number is larger each time, so that who overheard one cannot use it again. */
export function resumeProof({ id, secret }: ResumeCredentials, attempt: number): Buffer {
  return createHmac('sha256', secret).update('serpy resume\n').update(id).update(`\n${attempt}`).digest();
}

export function verifyResumeProof(credentials: ResumeCredentials, attempt: number, proof: Buffer): boolean {
  return timingSafeEqual(resumeProof(credentials, attempt), proof);
}
