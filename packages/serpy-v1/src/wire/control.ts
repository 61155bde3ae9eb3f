/** Control blocks: what a peer says about the conversation itself. */
import { ProtocolError } from 'serpy-core';
import { acknowledgeWord, isMode, type Mode, modeChangedWord, setModeWord } from './constants.js';

/** What a control block says. */
export type Control =
  | { readonly word: 'set-mode'; readonly mode: Mode }
  | { readonly word: 'mode-changed' }
  | { readonly word: 'acknowledge' };

/** No control block is longer, its `01` included. */
export const longestControlBytes = 9;

const modeChanged: Control = { word: 'mode-changed' };
export const acknowledge: Control = { word: 'acknowledge' };

/**
 * Reads a control block, without its `01` and `1F`.
 * Throws a `ProtocolError` for a word that does not exist: it may be data that was sent raw and should not have been.
 */
export function readControl(block: Buffer): Control {
  const word = block.toString('latin1');
  if (word === acknowledgeWord) return acknowledge;
  if (word === modeChangedWord) return modeChanged;
  if (word.startsWith(setModeWord)) {
    const digit = word.slice(setModeWord.length);
    const mode = digit.length === 1 ? digit.charCodeAt(0) - 48 : undefined;
    if (isMode(mode)) return { word: 'set-mode', mode };
    throw new ProtocolError(
      `the peer asks for a mode that does not exist: ${show(word)}; there are SETMODE0 to SETMODE5`,
    );
  }
  throw new ProtocolError(
    `the peer sent an unknown control word ${show(word)}: if it is data, its sender must not start it with the byte 01 in mode 0 or 1`,
  );
}

/** The error for a control block that is too long to be one. */
export function tooLongControl(start: Buffer): ProtocolError {
  return new ProtocolError(
    `the peer sent a control block that is too long to be one: ${show(start.toString('latin1'))}…`,
  );
}

function show(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
