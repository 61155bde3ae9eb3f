/** The constants of the v1 wire: blocks that end with a unit separator, six modes, three control words. */

/** Ends every block: ASCII unit separator. */
export const blockEnd = 0x1f;

/** Before the block's end in the odd modes: ASCII end of transmission; the receiver answers it. */
export const transmissionEnd = 0x04;

/** Starts a control block. */
export const controlStart = 0x01;

/**
 * How data travels: 0 raw, 2 base85, 4 base85 of a pickle; 1, 3 and 5 the same with an acknowledgement.
 * The mode is a state of each direction, 0 on a fresh connection.
 */
export type Mode = 0 | 1 | 2 | 3 | 4 | 5;

export function isMode(value: unknown): value is Mode {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 5;
}

/** Whether the receiver acknowledges what comes in this mode. */
export function isAcknowledged(mode: Mode): boolean {
  return (mode & 1) === 1;
}

/** The words of control blocks. */
export const setModeCommand = 'SETMODE';
export const modeChangedCommand = 'ACKMODCG';
export const acknowledgeCommand = 'ACKEOT!!';

const control = (word: string) => Buffer.from(`\x01${word}\x1f`, 'latin1');

/** Whole control blocks, ready to be written. */
export const modeChangedBlock = control(modeChangedCommand);
export const acknowledgeBlock = control(acknowledgeCommand);
export const setModeBlocks: readonly Buffer[] = [0, 1, 2, 3, 4, 5].map((mode) => control(`${setModeCommand}${mode}`));
