/** Requests by hand, for peers without their own: a number of four bytes before each question, and before its answer. */
const numberBytes = 4;

export class Numbered {
  readonly #waiting = new Map<number, (bytes: number) => void>();
  #last = 0;

  /** Numbers the question, sends it, and resolves with the length of its answer. */
  ask(payload: Buffer, send: (question: Buffer) => void): Promise<number> {
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const question = Buffer.allocUnsafe(numberBytes + payload.length);
    question.writeUInt32LE(number);
    question.set(payload, numberBytes);
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      send(question);
    });
  }

  /** An answer arrived. */
  answered(answer: Buffer): void {
    const number = answer.readUInt32LE();
    this.#waiting.get(number)?.(answer.length - numberBytes);
    this.#waiting.delete(number);
  }
}

/** The answer to a question: its number, and the payload. */
export function answerTo(question: Buffer, payload: Buffer): Buffer {
  const answer = Buffer.allocUnsafe(numberBytes + payload.length);
  question.copy(answer, 0, 0, numberBytes);
  answer.set(payload, numberBytes);
  return answer;
}
