/** Opens a page in the browser of this computer. */
import { spawn } from 'node:child_process';

/** The page is also reachable without it, so errors of the browser do not matter. */
export function openBrowser(url: string, platform: NodeJS.Platform): void {
  const [command, ...args]: [string, ...string[]] =
    platform === 'win32'
      ? ['rundll32', 'url.dll,FileProtocolHandler', url]
      : platform === 'darwin'
        ? ['open', url]
        : ['xdg-open', url];
  const browser = spawn(command, args, { stdio: 'ignore', detached: true });
  browser.on('error', () => {});
  browser.unref();
}
