// An instrument that answers requests, and a program that asks it: two answers at the same time, an error, and a late answer.
// Run it:  npm run example -- serpy/requests
import { connect, isSerpyError, listen } from 'serpy';
import { readArguments } from '../arguments.ts';

const { port } = readArguments('Asks an instrument in this process, and prints its answers.', {
  port: ['the port of the instrument; 0 for any free one', 0],
});

const server = await listen({ protocol: 'auto', port });
server.onRequest(async (question, { signal }) => {
  switch (question) {
    case 'temperature?':
      return 21.5;
    case 'expose':
      await new Promise((resolve) => setTimeout(resolve, 200));
      return signal.aborted ? undefined : 'exposed';
    default:
      throw Object.assign(new Error(`unknown question: ${question}`), { code: 'EQUESTION' });
  }
});

const instrument = await connect({
  protocol: 'auto',
  port: server.address.port,
  session: 'prefer',
  autoRestart: true,
});
const answers = await Promise.all([instrument.request('expose'), instrument.request('temperature?')]);
console.log('answers:', answers.join(', '));

for (const [question, timeoutMs] of [
  ['pressure?', 1000],
  ['expose', 50],
] as const) {
  try {
    console.log(question, await instrument.request(question, { timeoutMs }));
  } catch (error) {
    if (!isSerpyError(error)) throw error;
    console.log(question, error.code, error.code === 'ERR_SERPY_REQUEST_FAILED' ? error.peerCode : '');
  }
}
await instrument.close();
await server.closeServer();
