#!/usr/bin/env node
/** The command `serpy`. */
import { exit, systemContext } from './environment/system.js';
import { report } from './failure.js';
import { run } from './program.js';

const args = process.argv.slice(2);
const context = systemContext();
process.on('uncaughtException', (error) => void exit(report(error, context, args.includes('--debug'))));
// Not `await`: a single-file executable is CommonJS, which has none at the top.
void run(args, context).then(exit);
process.once('beforeExit', () => {
  const error = new Error('the command stopped without a result: please report this, with what you typed');
  void exit(report(error, context, args.includes('--debug')));
});
