import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { docs } from '../../src/commands/docs.js';
import { createInterruption } from '../../src/environment/interrupt.js';
import { createTerminal } from '../../src/environment/terminal.js';
import { findFile, folderOf, type SiteFiles } from '../../src/site/site-files.js';
import { type SiteServer, serveSite } from '../../src/site/site-server.js';
import { Run, runToEnd } from '../run.js';

/** A small site, with a secret beside it. */
function makeSite(): string {
  const outside = mkdtempSync(join(tmpdir(), 'serpy-site-'));
  onTestFinished(() => rmSync(outside, { recursive: true, force: true }));
  const folder = join(outside, 'site');
  mkdirSync(join(folder, 'how-to'), { recursive: true });
  writeFileSync(join(outside, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'index.html'), '<h1>Documentation</h1>');
  writeFileSync(join(folder, '404.html'), '<h1>No such page</h1>');
  writeFileSync(join(folder, '.hidden'), 'hidden');
  writeFileSync(join(folder, 'how-to', 'lines.html'), '<h1>Lines</h1>');
  writeFileSync(join(folder, 'how-to', 'index.html'), '<h1>Guides</h1>');
  symlinkSync(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  return folder;
}

const servers: SiteServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(files: SiteFiles | undefined): Promise<SiteServer> {
  const server = await serveSite(files as SiteFiles, 0);
  servers.push(server);
  return server;
}

/** Not `fetch`: it would shorten paths such as `/../x`, and has a Host of its own. */
async function get(url: string, path: string, { method = 'GET', host = '' } = {}) {
  const { port } = new URL(url);
  const headers = host === '' ? {} : { host };
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode as number, type: response.headers['content-type'] as string, text };
}

describe('serpy docs', () => {
  test('shows the pages of the site, each with its type', async () => {
    const { url } = await serve(folderOf(makeSite()));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await get(url, '/')).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
      text: '<h1>Documentation</h1>',
    });
    expect((await get(url, '/how-to/lines.html?a=1')).text).toBe('<h1>Lines</h1>');
    expect((await get(url, '/how-to/')).text).toBe('<h1>Guides</h1>');
    expect(await get(url, '/none.html')).toMatchObject({ status: 404, text: '<h1>No such page</h1>' });
    expect(await get(url, '/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/how-to/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '//secret.txt',
    '/link.txt',
    '/.hidden',
    '/C:/secret.txt',
    '/%00',
    '/%ff',
    '/how-to',
  ])('does not read %s', async (path) => {
    const { url } = await serve(folderOf(makeSite()));
    expect(await get(url, path)).toMatchObject({ status: 404, text: '<h1>No such page</h1>' });
  });

  test('answers only to names of this computer, and only shows pages', async () => {
    const { url } = await serve(folderOf(makeSite()));
    expect(await get(url, '/', { host: 'evil.example' })).toMatchObject({
      status: 403,
      text: 'this server has another name: open the address that it prints\n',
    });
    expect((await get(url, '/', { host: 'localhost:5001' })).status).toBe(200);
    expect((await get(url, '/', { method: 'POST' })).status).toBe(405);
  });

  test('without a page for unknown addresses says so in a sentence', () => {
    expect(findFile({ read: () => undefined }, '/none')).toBeUndefined();
    expect(folderOf(join(tmpdir(), 'serpy-no-such-folder'))).toBeUndefined();
  });

  test('names a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(serveSite(folderOf(makeSite()) as SiteFiles, port)).rejects.toThrow(`port ${port} is in use`);
  });

  test('prints the address, and serves until it is interrupted', async () => {
    const outer = new Run(['--version']);
    await outer.ended;
    const interruption = createInterruption(() => {});
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const terminal = createTerminal({ stdin: new PassThrough(), stdout, stderr }, {}, interruption);
    const files = folderOf(makeSite());
    const done = docs({ ...outer.context, terminal, interruption }, () => files).parseAsync([], { from: 'user' });
    const [printed] = await once(stdout, 'data');
    expect((await get(String(printed).trim(), '/')).text).toBe('<h1>Documentation</h1>');
    interruption.interrupt('SIGINT');
    await done;
  });

  test('says how to build the site where it was not built', async () => {
    const { context } = new Run(['--version']);
    const done = docs(context, () => undefined).parseAsync([], { from: 'user' });
    await expect(done).rejects.toThrow('"npm run docs" builds it');
  });

  test('rejects other arguments', async () => {
    expect(await runToEnd(['docs', 'more'])).toMatchObject({ status: 2 });
  });
});
