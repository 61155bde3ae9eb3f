/** The folder with Node-RED in its `node_modules`. Throws a sentence if it cannot be installed. */
export function installNodeRed(): string;
