/** The options of a proxy and of the plan for a link. */
import type { Clock } from '../clock.js';
import type { Address } from '../net/endpoint.js';
import { randomSeed, systemClock } from '../net/system.js';
import { type Faults, noFaults, parseFaults } from './faults.js';
import { type Given, type OptionSpec, type OptionSpecs, option, parseGiven, parseOptions } from './option.js';

/**
 * What happens to a new client:
 * - `'pass'`: it is connected to the target
 * - `'rst'`: it is accepted and reset
 * - `'tarpit'`: it is accepted, and then the proxy is silent: it connects to no target, drops the client's data, and sends nothing
 */
export type LinkAnswer = 'pass' | 'rst' | 'tarpit';

/** Like `LinkAnswer`; in addition `'refuse'`: nothing listens, so the client's connection attempt is refused. */
export type Answer = LinkAnswer | 'refuse';

/** The target of links. `host` is 127.0.0.1 by default. */
export type Target = Given<Pick<Address, 'host'>> & Pick<Address, 'port'>;

/** The plan for a link. */
export interface LinkFaults {
  /** What happens to the client. Default: the answer set with `proxy.answer`, initially `'pass'`. */
  readonly answer?: LinkAnswer | undefined;
  /** The target of the link. Default: the proxy's target. */
  readonly target?: Target | undefined;
  /** The faults from the client to the target. Default none. */
  readonly up?: Faults | undefined;
  /** The faults from the target to the client. Default none. */
  readonly down?: Faults | undefined;
}

/** The plan for all new links, or a function that returns the plan for a link by its number, from 0 in order of arrival. */
export type Plan = LinkFaults | ((index: number) => LinkFaults | undefined);

/** The options of a proxy, completed with their defaults. */
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
  /** The target of links. */
  readonly target: Target;
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** The port to listen on. Default 0: any free port; `proxy.address` has its number. */
  readonly port?: number | undefined;
  /** The seed of all random choices; the same seed gives the same faults. Default: random; `proxy.seed` has it. */
  readonly seed?: number | undefined;
  /** The plan for new links. Default: no faults. */
  readonly plan?: Plan | undefined;
  /** Bytes that each direction of a link holds, approximately, before its sender is throttled. Default 1 MiB. */
  readonly maxBufferedBytes?: number | undefined;
  /** The clock for latency, bandwidth and stalls. Default: this computer's. */
  readonly clock?: Clock | undefined;
}

const host = option.host('127.0.0.1');

export const targetSpecs: OptionSpecs<Address> = { host, port: option.required(option.count(1, 65_535)) };

const target = option.group(targetSpecs);

const linkAnswers = ['pass', 'rst', 'tarpit'] as const;

const answer = option.choice([...linkAnswers, 'refuse']);

/** Faults that are checked now, and completed when they are applied. */
function faults(direction: string): OptionSpec<Faults> {
  return {
    takes: `the faults ${direction}`,
    default: undefined,
    required: false,
    parse(value, path) {
      parseFaults(value as Faults, noFaults, `${path}.`);
      return value as Faults;
    },
  };
}

/** The plan for one link, checked. */
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

/** Faults of a running direction. The direction checks them, because they can depend on its earlier faults. */
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
  return { ...settings, seed: settings.seed ?? randomSeed() };
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

/** The faults for a running link, whose target and answer cannot change. */
export function parseLive(input: unknown): { readonly up?: Faults; readonly down?: Faults } {
  return parseGiven(liveSpecs, input);
}
