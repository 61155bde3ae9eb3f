/** Reads control blocks: mode changes and acknowledgements. */
import { ProtocolError } from 'serpy-core';
import { acknowledgeCommand, isMode, type Mode, modeChangedCommand, setModeCommand } from './constants.js';

/** The content of a control block. */
export type Control =
  | { readonly kind: 'set-mode'; readonly mode: Mode }
  | { readonly kind: 'mode-changed' }
  | { readonly kind: 'acknowledge' };

const modeChanged: Control = { kind: 'mode-changed' };
export const acknowledge: Control = { kind: 'acknowledge' };

/**
 * Reads a control block without its `01` and `1F`.
 * Throws a `ProtocolError` for an unknown command. It may be data that its sender should not have sent raw.
 */
export function readControl(block: Buffer): Control {
  const command = block.toString('latin1');
  if (command === acknowledgeCommand) return acknowledge;
  if (command === modeChangedCommand) return modeChanged;
  if (command.startsWith(setModeCommand)) {
    const digit = command.slice(setModeCommand.length);
    const mode = digit.length === 1 ? digit.charCodeAt(0) - 48 : undefined;
    if (isMode(mode)) return { kind: 'set-mode', mode };
    throw new ProtocolError(
      `the peer requested a mode that does not exist: ${show(command)}. The modes are SETMODE0 to SETMODE5`,
    );
  }
  throw new ProtocolError(
    `the peer sent an unknown control command ${show(command)}. If it is data that starts with the byte 01, send it in mode 2 or 3`,
  );
}

/** The error for a control block that is longer than any command. */
export function controlTooLongError(start: Buffer): ProtocolError {
  return new ProtocolError(
    `the peer sent a control block that is too long: ${show(start.toString('latin1'))}…. If it is data that starts with the byte 01, send it in mode 2 or 3`,
  );
}

function show(command: string): string {
  return JSON.stringify(command.length > 40 ? `${command.slice(0, 40)}…` : command);
}
