/** Whether programs can listen on this computer, and on a given port. */
import { isSerpyError } from 'serpy';
import { type Check, type CheckContext, fail, ok, type Result, warn } from './check.js';
import { sentenceOf } from './loopback.js';

export const listenCheck: Check = {
  name: 'listen',
  limitMs: 5000,
  async run({ hostInfo }) {
    try {
      const server = await hostInfo.listen({ protocol: 'v2', host: '127.0.0.1', port: 0 });
      const { port } = server.address;
      await server.closeServer();
      return ok(`a program can listen: it was given port ${port}`);
    } catch (error) {
      return fail(
        `no program can listen: ${sentenceOf(error)}`,
        'let the firewall or security program allow node to accept connections, or ask who administers this computer',
      );
    }
  },
};

/** @param asked whether somebody wants just this port: then it is a failure when it is taken */
export function portCheck(port: number, asked: boolean): Check {
  return {
    name: 'port',
    limitMs: 5000,
    run: (context) => checkPort(context, port, asked),
  };
}

async function checkPort({ hostInfo }: CheckContext, port: number, asked: boolean): Promise<Result> {
  const extra = { figures: { port } };
  try {
    const server = await hostInfo.listen({ protocol: 'v2', host: '127.0.0.1', port });
    await server.closeServer();
    return ok(`port ${port} is free`, extra);
  } catch (error) {
    const code = causeCode(error);
    const bad = asked ? fail : warn;
    if (code === 'EADDRINUSE') {
      const who = `to see which: ${whoHas(port, hostInfo.platform)}`;
      return bad(`port ${port} is in use`, `a program listens there; that is fine if it is yours; ${who}`, extra);
    }
    if (code === 'EACCES') {
      const reserved = hostInfo.platform === 'win32' ? `: ${reservedPorts}` : '';
      return bad(
        `port ${port} is not for this user (EACCES)`,
        `take another one: ports below 1024 need special rights, and a system may keep more for itself${reserved}`,
        extra,
      );
    }
    return bad(`port ${port} cannot be listened on: ${sentenceOf(error)}`, 'take another port', extra);
  }
}

const reservedPorts = 'netsh interface ipv4 show excludedportrange protocol=tcp';

/** The command that shows who listens. */
function whoHas(port: number, platform: NodeJS.Platform): string {
  if (platform === 'win32') {
    return `Get-Process -Id (Get-NetTCPConnection -LocalPort ${port} -State Listen).OwningProcess (PowerShell)`;
  }
  return platform === 'darwin' ? `lsof -nP -iTCP:${port} -sTCP:LISTEN` : `ss -ltnp 'sport = :${port}'`;
}

/** The system's code below an error of the facade. */
export function causeCode(error: unknown): string | undefined {
  const cause = isSerpyError(error) ? (error.cause as { code?: unknown; errors?: { code?: unknown }[] }) : undefined;
  const code = cause?.errors?.find((each) => each.code !== undefined)?.code ?? cause?.code;
  return typeof code === 'string' ? code : undefined;
}
