/** The options of a proxy and of the plan for a link. */
import type { Clock } from '../clock.js';
import type { Address } from '../net/endpoint.js';
import { drawSeed, systemClock } from '../net/system.js';
import { type Faults, noFaults, parseFaults } from './faults.js';
import { type Given, type OptionSpec, type OptionSpecs, option, parseGiven, parseOptions } from './option.js';

/**
 * What happens to a client that dials:
 * - `'pass'`: it is connected to the target
 * - `'rst'`: it is accepted and reset
 * - `'tarpit'`: it is accepted, and then nothing: no target is dialled, what it sends is dropped, no answer comes
 */
export type LinkAnswer = 'pass' | 'rst' | 'tarpit';

/** As `LinkAnswer`; and `'refuse'`: nothing listens, so its dial is refused. */
export type Answer = LinkAnswer | 'refuse';

/** Where links lead. `host` may be left out: 127.0.0.1. */
export type Target = Given<Pick<Address, 'host'>> & Pick<Address, 'port'>;

/** What is planned for a link. */
export interface LinkFaults {
  /** Default: what `proxy.answer` has set, at first `'pass'`. */
  readonly answer?: LinkAnswer | undefined;
  /** Default: the proxy's target. */
  readonly target?: Target | undefined;
  /** From the client to the target. Default: no faults. */
  readonly up?: Faults | undefined;
  /** From the target to the client. Default: no faults. */
  readonly down?: Faults | undefined;
}

/** What is planned for all new links, or for each by its number, from 0 in the order of arrival. */
export type Plan = LinkFaults | ((index: number) => LinkFaults | undefined);

/** The options of a proxy, complete. */
export interface ProxySettings {
  readonly target: Address;
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly plan: Plan;
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
}

export interface FaultProxyOptions {
  /** Where links lead. */
  readonly target: Target;
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** The port to listen on. Default 0: any free one, which `proxy.address` then tells. */
  readonly port?: number | undefined;
  /** What chance starts from; the same seed gives the same faults. Default: drawn, and told by `proxy.seed`. */
  readonly seed?: number | undefined;
  /** The faults of new links. Default none. */
  readonly plan?: Plan | undefined;
  /** How much each direction keeps at most, about, before its sender is held back. Default 1 MiB. */
  readonly maxBufferedBytes?: number | undefined;
  /** The time for latency, bandwidth and stalls. Default: this computer's. */
  readonly clock?: Clock | undefined;
}

const host = option.host('127.0.0.1');

export const targetSpecs: OptionSpecs<Address> = { host, port: option.required(option.count(1, 65_535)) };

const target = option.group(targetSpecs);

const linkAnswers = ['pass', 'rst', 'tarpit'] as const;

const answer = option.choice([...linkAnswers, 'refuse']);

/** Faults that are checked, but not completed: they are applied later. */
function faults(way: string): OptionSpec<Faults> {
  return {
    takes: `the faults ${way}`,
    default: undefined,
    required: false,
    parse(value, path) {
      parseFaults(value as Faults, noFaults, `${path}.`);
      return value as Faults;
    },
  };
}

/** A plan for one link. */
export interface LinkSettings {
  readonly answer: LinkAnswer | undefined;
  readonly target: Address | undefined;
  readonly up: Faults | undefined;
  readonly down: Faults | undefined;
}

export const linkSpecs: OptionSpecs<LinkSettings> = {
  answer: option.choice(linkAnswers),
  target,
  up: faults('from the client to the target'),
  down: faults('from the target to the client'),
};

/** What is said of a running direction is checked there, as it may rely on what was said before. */
const live: OptionSpec<Faults> = {
  takes: 'faults',
  default: undefined,
  required: false,
  parse: (value) => value as Faults,
};

const liveSpecs: OptionSpecs<{ up: Faults; down: Faults }> = { up: live, down: live };

const plan: OptionSpec<Plan> = {
  takes: `a function of a link's number, or an object with ${Object.keys(linkSpecs).join(', ')}`,
  default: {},
  required: false,
  parse(value, path) {
    if (typeof value === 'function') return value as Plan;
    parseLink(value, `${path}.`);
    return value as LinkFaults;
  },
};

export const proxySpecs: OptionSpecs<ProxySettings> = {
  target: option.required(target),
  host,
  port: option.count(0, 65_535, 0),
  seed: option.count(0, 2 ** 32 - 1),
  plan,
  maxBufferedBytes: option.count(1, 2 ** 30, 1024 * 1024),
  clock: option.having<Clock>(['now', 'setTimeout', 'clearTimeout'], systemClock),
};

export function parseProxy(input: FaultProxyOptions): ProxySettings {
  const settings = parseOptions(proxySpecs, input);
  return { ...settings, seed: settings.seed ?? drawSeed() };
}

export function parseTarget(input: Target): Address {
  return target.parse(input, 'target');
}

export function parsePlan(input: Plan): Plan {
  return plan.parse(input, 'plan');
}

export function parseAnswer(input: Answer): Answer {
  return answer.parse(input, 'answer');
}

export function parseLink(input: unknown, prefix: string): LinkSettings {
  return parseOptions(linkSpecs, input, prefix);
}

/** The faults for a link that is up: not where it leads. */
export function parseLive(input: unknown): { readonly up?: Faults; readonly down?: Faults } {
  return parseGiven(liveSpecs, input);
}
