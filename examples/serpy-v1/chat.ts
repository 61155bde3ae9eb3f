// A chat over v1, with all other clients of broadcast-server.ts. It reads lines from a terminal or a pipe.
// Run the server first: npm run example -- serpy-v1/broadcast-server
// Run it:               npm run example -- serpy-v1/chat --name Anna
import { Connection } from 'serpy-v1';
import { clientAccess, keyIn, readArguments } from '../arguments.ts';
import { ChatTerminal } from '../chat-terminal.ts';

const commands = '/name NEW changes your name, /stop leaves, /KTHXBYE leaves and stops the server';

const { host, port, keyFile, ...given } = readArguments(
  `Chats with all clients of the broadcast server. ${commands}.`,
  {
    host: ['the address of the broadcast server', '127.0.0.1'],
    port: ['its port', 5101],
    name: ['your name in the chat', 'guest'],
    ...clientAccess,
  },
);
let { name } = given;

const connection = await new Connection({ encoding: 'utf-8', ...keyIn(keyFile) }).connect(host, port);
const terminal = new ChatTerminal();
terminal.print(`connected to ${host}:${port}; ${commands}`);
void listenToOthers();

for await (const line of terminal.lines(() => `${name}> `)) {
  if (line === '/stop') break;
  if (line === '/KTHXBYE') {
    // Mode 1 is acknowledged: true means that the server has received it.
    if (!(await connection.sendData(line, { mode: 1, timeoutMs: 5000 }))) terminal.print('the server does not answer');
    break;
  }
  if (line.startsWith('/name ')) name = line.slice('/name '.length).trim() || name;
  else if (line.startsWith('/')) terminal.print(`there is no command ${line}: ${commands}`);
  else if (line.trim() !== '') await connection.sendData(`${name}: ${line}`);
}
terminal.close();
await connection.close();

async function listenToOthers(): Promise<void> {
  for await (const data of connection) terminal.print(String(data));
  const { closeInfo } = connection;
  if (closeInfo && closeInfo.reason !== 'local-close') terminal.print('the server closed the connection');
  terminal.close();
}
