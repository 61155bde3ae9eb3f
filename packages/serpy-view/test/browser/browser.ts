/** A browser for tests: Chromium of the system, or the one that `TEST_BROWSER` names. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const candidates = [
  process.env['TEST_BROWSER'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The path of a browser; undefined if there is none. */
export const browserPath = candidates.find((path) => path !== undefined && isProgram(path));

/** Why the tests are skipped. */
export const noBrowser = 'no browser was found: install the package chromium, or set TEST_BROWSER to its path';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

/** Starts the browser with an empty profile. The locale is fixed, because that of a computer without one is not valid in JavaScript. */
export async function startBrowser(): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'serpy-browser-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: browserPath as string,
    headless: true,
    locale: 'en-US',
    colorScheme: 'dark',
    viewport: { width: 1000, height: 900 },
    acceptDownloads: true,
    timeout: 60_000,
    args,
  });
  context.setDefaultTimeout(15_000);
  return {
    newPage: () => context.newPage(),
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
