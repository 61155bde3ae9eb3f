/** The constants of the v1 wire: blocks that end with a unit separator, six modes, three control commands. */

/** Ends every block: ASCII unit separator. */
export const blockEnd = 0x1f;

/** Precedes the block's end in the odd modes: ASCII end of transmission. The receiver acknowledges the block. */
export const transmissionEnd = 0x04;

/** Starts a control block. */
export const controlStart = 0x01;

/**
 * How data is encoded: 0 raw, 2 base85, 4 base85 of a pickle; 1, 3 and 5 the same with an acknowledgement.
 * Each direction has its own mode. A new connection starts in mode 0.
 */
export type Mode = 0 | 1 | 2 | 3 | 4 | 5;

export function isMode(value: unknown): value is Mode {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 5;
}

/** Whether the receiver acknowledges a block in this mode. */
export function isAcknowledged(mode: Mode): boolean {
  return (mode & 1) === 1;
}

/** The commands of control blocks. */
export const setModeCommand = 'SETMODE';
export const modeChangedCommand = 'ACKMODCG';
export const acknowledgeCommand = 'ACKEOT!!';

/** The longest control block, with its `01` and without its `1F`. */
export const maxControlBytes = 9;

const control = (command: string) => Buffer.from(`\x01${command}\x1f`, 'latin1');

/** Complete control blocks. */
export const modeChangedBlock = control(modeChangedCommand);
export const acknowledgeBlock = control(acknowledgeCommand);
export const setModeBlocks: readonly Buffer[] = [0, 1, 2, 3, 4, 5].map((mode) => control(`${setModeCommand}${mode}`));

/** What the detection of the protocol needs to recognize v1. */
export const v1Wire = {
  blockEnd,
  controlStart,
  maxControlBytes,
  modeChangedBlock,
  controlCommands: [...[0, 1, 2, 3, 4, 5].map((mode) => `${setModeCommand}${mode}`), modeChangedCommand],
} as const;
