/** What axe finds in a page: WCAG 2.2 A and AA, and what is good practice. */
import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** The violations as `rule: selectors`. The page allows no scripts of others, so axe is run by the browser's debugger. */
export async function violations(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe.source });
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  const found = JSON.parse(String(result.value)) as AxeResults['violations'];
  return found.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ target, failureSummary = '' }) => `${target.join(' ')} (${failureSummary.split('\n').at(-1)?.trim()})`).join(', ')}`,
  );
}
