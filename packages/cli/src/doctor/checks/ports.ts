/** Checks that programs can listen on this computer, and that a port is free. */
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
      return ok(`a program can listen, for example on port ${port}`);
    } catch (error) {
      return fail(
        `no program can listen: ${sentenceOf(error)}`,
        'allow node to accept connections in the firewall or security program, or ask the administrator of this computer',
      );
    }
  },
};

/** @param isRequested whether the user requested this port: then a used port is a failure, otherwise a warning */
export function portCheck(port: number, isRequested: boolean): Check {
  return {
    name: 'port',
    limitMs: 5000,
    run: (context) => checkPort(context, port, isRequested),
  };
}

async function checkPort({ hostInfo }: CheckContext, port: number, isRequested: boolean): Promise<Result> {
  const extra = { figures: { port } };
  try {
    const server = await hostInfo.listen({ protocol: 'v2', host: '127.0.0.1', port });
    await server.closeServer();
    return ok(`port ${port} is free`, extra);
  } catch (error) {
    const code = causeCode(error);
    const bad = isRequested ? fail : warn;
    if (code === 'EADDRINUSE') {
      const find = `to find the program: ${listenerCommand(port, hostInfo.platform)}`;
      return bad(`port ${port} is in use`, `if it is your program, all is well; ${find}`, extra);
    }
    if (code === 'EACCES') {
      const reserved = hostInfo.platform === 'win32' ? `: ${reservedPorts}` : '';
      return bad(
        `port ${port} is not permitted (EACCES)`,
        `use another port: ports below 1024 need special rights, and the system can reserve others${reserved}`,
        extra,
      );
    }
    return bad(`no program can listen on port ${port}: ${sentenceOf(error)}`, 'use another port', extra);
  }
}

const reservedPorts = 'netsh interface ipv4 show excludedportrange protocol=tcp';

/** The command that shows which program listens. */
function listenerCommand(port: number, platform: NodeJS.Platform): string {
  if (platform === 'win32') {
    return `Get-Process -Id (Get-NetTCPConnection -LocalPort ${port} -State Listen).OwningProcess (PowerShell)`;
  }
  return platform === 'darwin' ? `lsof -nP -iTCP:${port} -sTCP:LISTEN` : `ss -ltnp 'sport = :${port}'`;
}

/** The system's code in the cause of an error of the package `serpy`. */
export function causeCode(error: unknown): string | undefined {
  const cause = isSerpyError(error) ? (error.cause as { code?: unknown; errors?: { code?: unknown }[] }) : undefined;
  const code = cause?.errors?.find((each) => each.code !== undefined)?.code ?? cause?.code;
  return typeof code === 'string' ? code : undefined;
}
