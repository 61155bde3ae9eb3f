/** Looks for Python and numpy. serpy needs neither, but programs at the other end and scripts for recordings do, so their absence is not a failure. */
import { type Check, type CheckContext, ok, skip, warn } from './check.js';

type PythonCommand = readonly [program: string, ...args: string[]];

/** The commands of Python. Windows has a launcher, and there `python3` can open a store. */
function commandsOf(platform: NodeJS.Platform): readonly PythonCommand[] {
  return platform === 'win32' ? [['py', '-3'], ['python'], ['python3']] : [['python3'], ['python']];
}

const installing: Partial<Record<NodeJS.Platform, string>> = {
  win32: 'winget install Python.Python.3.12',
  darwin: 'brew install python',
};

/** The version that a line of Python prints; undefined if it fails. */
async function versionFrom([program, ...args]: PythonCommand, line: string, { hostInfo, signal }: CheckContext) {
  const executed = await hostInfo.execute(program, [...args, '-c', line], signal);
  return 'stdout' in executed ? /^\d+\.\d\S*/m.exec(executed.stdout)?.[0] : undefined;
}

async function findPython(context: CheckContext) {
  for (const command of commandsOf(context.hostInfo.platform)) {
    const version = await versionFrom(command, 'import platform; print(platform.python_version())', context);
    if (version !== undefined && Number.parseInt(version, 10) >= 3) return { command, version };
  }
  return undefined;
}

export const pythonCheck: Check = {
  name: 'python',
  limitMs: 20_000,
  async run(context) {
    const found = await findPython(context);
    if (found)
      return ok(`Python ${found.version} (${found.command.join(' ')})`, { figures: { version: found.version } });
    const how = installing[context.hostInfo.platform] ?? 'sudo apt install python3';
    return warn('no Python 3 was found', `serpy does not need it; for programs in Python on this computer: ${how}`);
  },
};

export const numpyCheck: Check = {
  name: 'numpy',
  limitMs: 30_000,
  async run(context) {
    const python = await findPython(context);
    if (!python) return skip('there is no Python');
    const version = await versionFrom(python.command, 'import numpy; print(numpy.__version__)', context);
    if (version !== undefined) return ok(`numpy ${version}`, { figures: { version } });
    const how = `${python.command.join(' ')} -m pip install numpy`;
    return warn('Python has no numpy', `serpy does not need it; to open recordings and arrays in Python: ${how}`);
  },
};
