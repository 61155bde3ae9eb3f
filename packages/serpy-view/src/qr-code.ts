/** An address as a QR code for terminals. */
import { renderUnicodeCompact } from 'uqr';

/** Lines of block characters, dark on light whatever the colors of the terminal. */
export function qrCode(text: string): string {
  return renderUnicodeCompact(text, { border: 2 });
}
