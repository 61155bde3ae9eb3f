/** All commands of `serpy`. */
import { Command } from 'commander';

export function program(): Command {
  return new Command('serpy').description('Direct TCP messaging between instruments and workstations');
}
