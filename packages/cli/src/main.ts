#!/usr/bin/env node
/** The command `serpy`. */
import { run } from './program.js';
import { exit, systemContext } from './system.js';

await exit(await run(process.argv.slice(2), systemContext()));
