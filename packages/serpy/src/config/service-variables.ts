/**
 * Recognizes the environment variables with which Kubernetes and container links describe services. Those of a service called "serpy" or
 * "serpy-camera" have the prefix of serpy's own: `SERPY_PORT=tcp://10.0.0.11:5001`, `SERPY_SERVICE_HOST`, `SERPY_PORT_5001_TCP_ADDR`.
 */

type Variables = Readonly<Record<string, string | undefined>>;

/** Matches the variables of a service with this prefix. */
function variablesOf(prefix: string): RegExp {
  return new RegExp(
    `^${prefix}(?:SERVICE_HOST|SERVICE_PORT(?:_\\w+)?|PORT_\\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$`,
  );
}

/** Removes the variables of services. Each service has a variable `…SERVICE_HOST`. */
export function withoutServices(env: Variables): Variables {
  const prefixes = Object.keys(env).flatMap((name) => /^(SERPY_(?:\w+_)?)SERVICE_HOST$/.exec(name)?.[1] ?? []);
  const patterns = prefixes.map(variablesOf);
  const isOfService = (name: string, value = '') =>
    patterns.some((pattern) => pattern.test(name)) ||
    (/^(?:tcp|udp|sctp):\/\//.test(value) && prefixes.some((prefix) => name === `${prefix}PORT`));
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !isOfService(name, value)));
}
