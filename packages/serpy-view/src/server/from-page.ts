/** Checks what a page sends. */
import type { FromPage, PanelRequest } from '../wire/messages.js';
import { speeds, type TimeRequest } from '../wire/time.js';

type Fields = Readonly<Record<string, unknown>>;

/** Undefined for anything that the page never sends. */
export function readFromPage(text: string): FromPage | undefined {
  const message = parse(text);
  if (!message) return undefined;
  const { type, panel, frame, frozen, visible, x, y } = message;
  if (type === 'visible') return typeof visible === 'boolean' ? { type, visible } : undefined;
  const time = readTimeRequest(message);
  if (time) return time;
  if (!isNumber(panel)) return undefined;
  if (type === 'credit' && isNumber(frame)) return { type, panel, frame };
  if (type === 'freeze' && typeof frozen === 'boolean') return { type, panel, frozen };
  if (type === 'probe' && isNumber(x) && isNumber(y)) return { type, panel, x, y };
  if (type !== 'request') return undefined;
  const request = readRequest(message.request);
  return request && { type, panel, request };
}

function readTimeRequest({ type, n, by, panel, speed, first, last, label }: Fields): TimeRequest | undefined {
  if (type === 'pause' || type === 'live') return { type };
  if (type === 'seek') return isCount(n) ? { type, n } : undefined;
  if (type === 'step') return (by === 1 || by === -1) && isNumberOrNull(panel) ? { type, by, panel } : undefined;
  if (type === 'play') {
    const isSpeed = isNumber(speed) && speed >= speeds.least && speed <= speeds.most;
    return isSpeed ? { type, speed } : undefined;
  }
  const isMark = type === 'mark' && isCount(first) && isCount(last) && typeof label === 'string';
  return isMark ? { type, first, last, label } : undefined;
}

function readRequest(value: unknown): PanelRequest | undefined {
  if (!isFields(value)) return undefined;
  const { width, height, region, reduce, slice, saturation, line, spanMs } = value;
  if (!isNumber(width) || !isNumber(height) || !isNumber(slice)) return undefined;
  if (reduce !== 'mean' && reduce !== 'max') return undefined;
  if (!isFour(region) || !isFour(line) || !isNumberOrNull(saturation) || !isNumberOrNull(spanMs)) return undefined;
  return { width, height, region, reduce, slice, saturation, line, spanMs };
}

function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || isNumber(value);
}

function isFour(value: unknown): value is readonly [number, number, number, number] | null {
  return value === null || (Array.isArray(value) && value.length === 4 && value.every(isNumber));
}
