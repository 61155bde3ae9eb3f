/** Clients that flood a server, in a separate thread, until the thread is terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { Flooder, floods } from './flood.js';

const { port, kind, flooders } = workerData as { port: number; kind: number; flooders: number };
const flood = floods[kind];
if (flood === undefined) throw new Error(`there is no flood ${kind}`);
for (let i = 0; i < flooders; i++) new Flooder(flood, port);
parentPort?.postMessage('flooding');
