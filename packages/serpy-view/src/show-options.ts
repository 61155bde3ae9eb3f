/** The options of a source: what the page shows beside its values. */
import { checkNames } from 'serpy-core';
import type { Labels } from './panels/panel.js';
import type { ConnectionSnippet } from './snippets/snippets.js';

/** What the page shows beside the values of a source. */
export interface ShowOptions {
  readonly unit?: string | undefined;
  /** The names of the axes, in the order of the shape: `['y', 'x']`. */
  readonly axes?: readonly string[] | undefined;
  /** From this value on, a pixel is saturated. By default the largest value of the type. */
  readonly saturation?: number | undefined;
  /** How other programs reach the instrument, for the snippets of the page. By default the address that the view connects to. */
  readonly address?: ConnectionSnippet | undefined;
}

const showNames = ['unit', 'axes', 'saturation', 'address'];

/** @throws `ERR_SERPY_OPTION` */
export function labelsOf(options: ShowOptions): Labels {
  checkNames(options, showNames);
  const { unit, axes = [], saturation } = options;
  return { unit, axes, saturation };
}
