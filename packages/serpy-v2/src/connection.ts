/** A connection that speaks v2. */
import {
  ArrayMessages,
  type ArrayOptions,
  type DType,
  type NdArray,
  parseArrayOptions,
  type TypedArray,
} from 'serpy-arrays';
import { Connection as CoreConnection, type Environment, parseOptions } from 'serpy-core';
import { type ConnectionOptions, type V2Settings, v2ConnectionOptions, withSession } from './options.js';
import { type V2, v2Protocol } from './protocol.js';

/** Checked options and their protocol. A server creates them once, which saves 700 bytes for each connection. */
export class ConnectionSetup {
  readonly settings: V2Settings;
  readonly protocol: ReturnType<typeof v2Protocol>;

  constructor(settings: V2Settings) {
    this.settings = settings;
    this.protocol = v2Protocol(this.settings);
  }
}

/**
 * One connection to one v2 peer: a Python serpy2 program or a program with serpy for Node.
 *
 * ```ts
 * const connection = await new Connection({ autoRestart: true }).connect('127.0.0.1', 5001);
 * await connection.sendData('hello');
 * const answer = await connection.getData({ timeoutMs: 1000 });
 * await connection.close();
 * ```
 */
export class Connection extends CoreConnection<V2> {
  /** Created for the first array. */
  #arrays: ArrayMessages | undefined;

  /** @throws `ERR_SERPY_OPTION` for an unknown option or a wrong value */
  constructor(options?: ConnectionOptions, environment?: Environment);
  constructor(options: ConnectionOptions | ConnectionSetup = {}, environment?: Environment) {
    const { settings, protocol } =
      options instanceof ConnectionSetup
        ? options
        : new ConnectionSetup(parseOptions(v2ConnectionOptions, withSession(options)));
    super(protocol, settings, environment);
  }

  /**
   * The next message as an array, with its type and shape. The message is a `.npy`, as `sendData` and Python's `numpy.save` write it, or with
   * `dtype` bare bytes of that type and `shape`. Large elements are used where they arrived, without a copy.
   * @throws `ERR_SERPY_ARRAY_FORMAT` for any other message, which is consumed and is the error's `data`; `ERR_SERPY_OPTION`; and what `getData` throws
   */
  async getArray<D extends DType = DType>(options: ArrayOptions<D> = {}): Promise<NdArray<D>> {
    const { wait, bare } = parseArrayOptions(options);
    this.#arrays ??= new ArrayMessages();
    const arrays = this.#arrays;
    return this.consume('getArray', wait, ({ value }) => arrays.read(value, bare));
  }

  /** As for every connection; also accepts the `data` that `getArray` returned. */
  override release(data: Uint8Array | TypedArray): void {
    super.release(this.#arrays?.of(data) ?? (data as Uint8Array));
  }
}
