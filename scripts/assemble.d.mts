/** The TypeScript source that holds an assembled module. */
export function kernelSource(watPath: string, name: string): Promise<string>;
