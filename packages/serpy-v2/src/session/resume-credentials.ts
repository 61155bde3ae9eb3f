/** The credentials with which a client resumes its session, and the proof that it has them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { idBytes, type SessionGrant, secretBytes } from './session-parameters.js';

/** Cryptographically secure random bytes. */
export type RandomBytes = (count: number) => Buffer;

export interface ResumeCredentials {
  readonly id: Buffer;
  readonly secret: Buffer;
}

export function createCredentials(randomBytes: RandomBytes): ResumeCredentials {
  return { id: randomBytes(idBytes), secret: randomBytes(secretBytes) };
}

/** Copies the credentials that a client keeps from the grant of a session. */
export function credentialsOf({ id, secret }: SessionGrant): ResumeCredentials {
  return { id: Buffer.from(id), secret: Buffer.from(secret) };
}

/** The proof for one attempt to resume. The number of the attempt increases, so that an intercepted proof cannot be replayed. */
export function resumeProof({ id, secret }: ResumeCredentials, attempt: number): Buffer {
  return createHmac('sha256', secret).update('serpy resume\n').update(id).update(`\n${attempt}`).digest();
}

export function verifyResumeProof(credentials: ResumeCredentials, attempt: number, proof: Buffer): boolean {
  return timingSafeEqual(resumeProof(credentials, attempt), proof);
}
