/** examples/broker/compose.yaml: its fields, and the command lines in it. It is not run, as it needs Docker and a network. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from '../../../test/workspace.js';

interface Service {
  readonly image: string;
  readonly command?: string;
  readonly ports?: readonly string[];
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
}

const text = readFileSync(join(root, 'examples/broker/compose.yaml'), 'utf8');
const { services, volumes } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};

test('has a broker, a bridge and two simulated instruments, with pinned images', () => {
  expect(Object.keys(services).sort()).toEqual(['bridge', 'camera', 'counter', 'emqx', 'install']);
  for (const { image } of Object.values(services)) expect(image).toMatch(/^[\w./-]+:[\d.]+(-slim)?$/);
});

test('waits for what exists, and for the health of a service that has a check', () => {
  for (const { depends_on = {}, volumes: used = [] } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      expect(Object.keys(services)).toContain(name);
      if (condition === 'service_healthy') expect(services[name]?.healthcheck?.test[0]).toBe('CMD');
    }
    for (const each of used) expect(Object.keys(volumes)).toContain(each.split(':')[0]);
  }
});

test('opens ports on this computer alone', () => {
  for (const port of Object.values(services).flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
});

test('has commands of serpy, with addresses of its services', () => {
  for (const name of ['camera', 'counter', 'bridge'])
    expect(services[name]?.command).toMatch(/^npx serpy (simulate|bridge) /);
  const hosts = [...(services['bridge']?.command ?? '').matchAll(/\/\/([\w-]+):/g)].map(([, host]) => host);
  expect(hosts).toEqual(['emqx', 'camera', 'counter']);
});

test('says that it was not run', () => {
  expect(text).toMatch(/It was not run/);
});
