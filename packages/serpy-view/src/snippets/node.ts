/** Snippets for Node: the packages serpy and serpy-recording. */
import type { ArrayFileSnippet, ConnectionSnippet, ValueFileSnippet } from './description.js';
import { commented, quoted } from './quote.js';

export function nodeArrays({ folder, file, unit }: ArrayFileSnippet): string {
  const comment = unit === undefined ? '' : ` // ${commented(unit)}`;
  return `import { openRecording } from 'serpy-recording';

const recording = openRecording(${quoted(folder)});
const { count } = recording.arrays().find(({ file }) => file === ${quoted(file)});
const { data, shape, dtype } = recording.frame(${quoted(file)}, count - 1); // the last one
console.log(count, dtype, shape, data);${comment}
recording.close();
`;
}

export function nodeValues({ folder }: ValueFileSnippet): string {
  return `import { openRecording } from 'serpy-recording';

for (const { wallMs, type, value } of openRecording(${quoted(folder)}).messages()) {
  if (!Buffer.isBuffer(value)) console.log(wallMs, type, value);
}
`;
}

export function nodeConnection(given: ConnectionSnippet): string {
  const { role, protocol, host, port, security, keyFile = 'lab.key', values, unit } = given;
  const isOpen = role === 'listen' && security === 'none' && !/^(127\.|::1$|localhost$)/.test(host);
  const secure = isOpen
    ? ', insecure: true'
    : security === 'key'
      ? `, key: { file: ${quoted(keyFile)} }`
      : security === 'tls'
        ? ', tls: true'
        : '';
  const address = `protocol: '${protocol}', host: ${quoted(host)}, port: ${port}${secure}`;
  const comment = unit === undefined ? '' : ` // ${commented(unit)}`;
  const body = loopOf(values, protocol, comment);
  if (role === 'connect')
    return `import { connect } from 'serpy';

const connection = await connect({ ${address} });
${body}
`;
  return `import { listen } from 'serpy';

const server = await listen({ ${address} });
const connection = await server.getConnection(); // one instrument
${body}
`;
}

function loopOf(values: ConnectionSnippet['values'], protocol: ConnectionSnippet['protocol'], comment: string): string {
  if (values === 'array' && protocol !== 'lines')
    return `for (;;) {
  const { data, shape, dtype } = await connection.getArray();
  console.log(dtype, shape, data);${comment}
}`;
  return `for await (const message of connection.messages()) {
  console.log(message.about?.name ?? message.type, message.value, message.about?.unit ?? '');${comment}
}`;
}
