/** `serpy docs`: the documentation that travels with the command. */
import { once } from 'node:events';
import { Command } from 'commander';
import type { Context } from '../environment/context.js';
import { failure } from '../failure.js';
import { helpText } from '../flags/help-text.js';
import { wholeNumber } from '../flags/value-parsers.js';

import { packagedSite } from '../site/packaged-site.js';
import type { SiteFiles } from '../site/site-files.js';
import { serveSite } from '../site/site-server.js';
import { openBrowser } from '../ui/open-browser.js';

interface Flags {
  readonly pagePort: number;
  readonly open?: true;
}

/** @param site where the site is; by default beside the command */
export function docs(context: Context, site: () => SiteFiles | undefined = packagedSite): Command {
  return new Command('docs')
    .summary('Read the documentation')
    .description(
      helpText('Show the documentation in a browser. It travels with the command and needs no internet.', context, [
        ['print the address of the documentation', 'serpy docs'],
        ['open it in the browser of this computer', 'serpy docs --open'],
      ]),
    )
    .option(
      '--page-port <number>',
      'the port of the pages; 0 for any free one',
      wholeNumber('--page-port', 0, 65_535),
      0,
    )
    .option('--open', 'open the documentation in the browser of this computer')
    .action((flags: Flags) => run(context, flags, site()));
}

async function run({ terminal, interruption, platform }: Context, flags: Flags, site: SiteFiles | undefined) {
  if (site === undefined) {
    throw failure(
      'this copy of the command has no documentation: in a checkout, "npm run docs" builds it; ' +
        'the pages are also in its folder docs',
    );
  }
  const server = await serveSite(site, flags.pagePort);
  try {
    await terminal.print(server.url);
    terminal.note('only this computer can open the pages; Ctrl-C stops them');
    if (flags.open) openBrowser(server.url, platform);
    if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
  } finally {
    await server.close();
  }
}
