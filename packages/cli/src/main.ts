#!/usr/bin/env node
/** The command `serpy`. */
import { program } from './program.js';

await program().parseAsync();
