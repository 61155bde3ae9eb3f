// The programs of the README: an instrument that sends a temperature each second, and a workstation that prints them.
// Run both:      npm run example -- serpy/quick-start
// Run one end:   npm run example -- serpy/quick-start --only instrument
// Stop either end and start it again, in any order: the temperatures continue.
import { setTimeout } from 'node:timers/promises';
import { connect, listen } from 'serpy';
import { readArguments } from '../arguments.ts';

const { only, port } = readArguments(
  'Sends temperatures from an instrument to a workstation, which may start in any order.',
  {
    only: ['instrument, workstation or both', 'both'],
    port: ['the port', 5001],
  },
);

if (only !== 'workstation') {
  const server = await listen({ port });
  server.on('connection', async (client) => {
    while (await client.sendData(20 + Math.random()).catch(() => false)) await setTimeout(1000);
  });
}

if (only !== 'instrument') {
  const instrument = await connect({ port });
  console.log(instrument.describe());
  for await (const temperature of instrument) console.log(temperature);
}
