#!/usr/bin/env node
/** The command `serpy`. */
import { exit, systemContext } from './environment/system.js';
import { report } from './failure.js';
import { run } from './program.js';

const args = process.argv.slice(2);
const context = systemContext();
process.on('uncaughtException', (error) => void exit(report(error, context, args.includes('--debug'))));
await exit(await run(args, context));
