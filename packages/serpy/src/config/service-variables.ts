/**
 * The variables with which Kubernetes, and container links before it, tell a program of the services beside it. Those of a service
 * called "serpy", or "serpy-camera", begin as ours do: `SERPY_PORT=tcp://10.0.0.11:5001`, `SERPY_SERVICE_HOST`, `SERPY_PORT_5001_TCP_ADDR`.
 */

type Variables = Readonly<Record<string, string | undefined>>;

/** Of a service whose variables begin with this prefix. */
function variablesOf(prefix: string): RegExp {
  return new RegExp(
    `^${prefix}(?:SERVICE_HOST|SERVICE_PORT(?:_\\w+)?|PORT_\\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$`,
  );
}

/** The variables without those that are of services: each service has a `…SERVICE_HOST`. */
export function withoutServices(env: Variables): Variables {
  const prefixes = Object.keys(env).flatMap((name) => /^(SERPY_(?:\w+_)?)SERVICE_HOST$/.exec(name)?.[1] ?? []);
  const patterns = prefixes.map(variablesOf);
  const isOfService = (name: string, value = '') =>
    patterns.some((pattern) => pattern.test(name)) ||
    (/^(?:tcp|udp|sctp):\/\//.test(value) && prefixes.some((prefix) => name === `${prefix}PORT`));
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !isOfService(name, value)));
}
