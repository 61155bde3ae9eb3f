/** What a snippet reads: a connection, or a file of a recording. Types only. */

export type SnippetLanguage = 'python' | 'node' | 'matlab';

/** An instrument, as a program of another language reaches it. */
export interface ConnectionSnippet {
  readonly kind: 'connection';
  /** Whether the snippet connects to the instrument, or the instrument connects to the snippet. */
  readonly role: 'connect' | 'listen';
  readonly protocol: 'v1' | 'v2' | 'auto' | 'lines';
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'key' | 'tls';
  /** The name of the key file, never the key. */
  readonly keyFile?: string | undefined;
  /** What arrives, as far as it is known. */
  readonly values?: 'array' | 'number' | 'text' | undefined;
  readonly unit?: string | undefined;
}

/** Arrays of one type and shape of a recording. */
export interface ArrayFileSnippet {
  readonly kind: 'arrays';
  /** The folder of the recording, and the file in it. */
  readonly folder: string;
  readonly file: string;
  readonly dtype: string;
  /** The shape of each array. */
  readonly shape: readonly number[];
  /** Bytes before the first element. */
  readonly headerBytes: number;
  readonly unit?: string | undefined;
}

/** Numbers, texts and objects of a recording. */
export interface ValueFileSnippet {
  readonly kind: 'values';
  readonly folder: string;
  readonly file: string;
}

export type SnippetDescription = ConnectionSnippet | ArrayFileSnippet | ValueFileSnippet;
