/** "How do I get this in Python?": the lines of a program that reads a connection or a file. Pure functions, for the command and for the page. */
import type { ConnectionSnippet, SnippetDescription, SnippetLanguage } from './description.js';
import { matlabArrays, matlabConnection, matlabValues } from './matlab.js';
import { nodeArrays, nodeConnection, nodeValues } from './node.js';
import { pythonArrays, pythonConnection, pythonValues } from './python.js';

export type {
  ArrayFileSnippet,
  ConnectionSnippet,
  SnippetDescription,
  SnippetLanguage,
  ValueFileSnippet,
} from './description.js';

export const snippetLanguages: readonly SnippetLanguage[] = ['python', 'node', 'matlab'];

const makers = {
  python: { connection: pythonConnection, arrays: pythonArrays, values: pythonValues },
  node: { connection: nodeConnection, arrays: nodeArrays, values: nodeValues },
  matlab: { connection: matlabConnection, arrays: matlabArrays, values: matlabValues },
} as const;

/** The lines. They contain the name of the key file, and never a key. */
export function snippetOf(description: SnippetDescription, language: SnippetLanguage): string {
  const maker = makers[language];
  switch (description.kind) {
    case 'arrays':
      return maker.arrays(description);
    case 'values':
      return maker.values(description);
    case 'connection':
      return serverNote(description, language) ?? maker.connection(description);
  }
}

/** A server with encryption needs Node: Python's ssl creates no server with a pre-shared key, and MATLAB has none. */
function serverNote({ role, security }: ConnectionSnippet, language: SnippetLanguage): string | undefined {
  if (role !== 'listen' || security === 'none' || language !== 'python') return undefined;
  return `# A server that encrypts takes Node. Let it pass the messages on to this computer, and connect to 127.0.0.1:5002:
# serpy hub ... --serve serpy2://127.0.0.1:5002
`;
}
