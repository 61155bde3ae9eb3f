/** Control blocks: what a peer says about the conversation itself. */
import { ProtocolError } from 'serpy-core';
import { acknowledgeCommand, isMode, type Mode, modeChangedCommand, setModeCommand } from './constants.js';

/** What a control block says. */
export type Control =
  | { readonly kind: 'set-mode'; readonly mode: Mode }
  | { readonly kind: 'mode-changed' }
  | { readonly kind: 'acknowledge' };

const modeChanged: Control = { kind: 'mode-changed' };
export const acknowledge: Control = { kind: 'acknowledge' };

/**
 * Reads a control block, without its `01` and `1F`.
 * Throws a `ProtocolError` for a word that does not exist: it may be data that was sent raw and should not have been.
 */
export function readControl(block: Buffer): Control {
  const word = block.toString('latin1');
  if (word === acknowledgeCommand) return acknowledge;
  if (word === modeChangedCommand) return modeChanged;
  if (word.startsWith(setModeCommand)) {
    const digit = word.slice(setModeCommand.length);
    const mode = digit.length === 1 ? digit.charCodeAt(0) - 48 : undefined;
    if (isMode(mode)) return { kind: 'set-mode', mode };
    throw new ProtocolError(
      `the peer asks for a mode that does not exist: ${show(word)}; there are SETMODE0 to SETMODE5`,
    );
  }
  throw new ProtocolError(
    `the peer sent an unknown control word ${show(word)}: if it is data, its sender must not start it with the byte 01 in mode 0 or 1`,
  );
}

/** The error for a control block that is too long to be one. */
export function controlTooLongError(start: Buffer): ProtocolError {
  return new ProtocolError(
    `the peer sent a control block that is too long to be one: ${show(start.toString('latin1'))}…`,
  );
}

function show(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
