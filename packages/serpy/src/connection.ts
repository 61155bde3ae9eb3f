/** A connection of the facade: either protocol behind one interface. */
import {
  ArrayMessages,
  type ArrayOptions,
  type DType,
  encodeNpy,
  isArrayValue,
  type NdArray,
  parseArrayOptions,
  type TypedArray,
} from 'serpy-arrays';
import {
  type ConnectionSettings,
  Connection as CoreConnection,
  type Environment,
  type Protocol,
  type SendOptions,
} from 'serpy-core';
import { createProtocol, type ProtocolSettings, type TypesOf } from './create-protocol.js';
import type { ProtocolName } from './protocols.js';

/** What `connect` gives. Its messages answer `text()`, `bytes()` and `number()` alike over either protocol. */
export class Connection<P extends ProtocolName = 'auto'> extends CoreConnection<TypesOf[P]> {
  /** The protocol that was asked for. */
  readonly protocol: ProtocolName;
  readonly #protocolImpl: Protocol<TypesOf[P]>;
  /** Made for the first array. */
  #arrays: ArrayMessages | undefined;

  /** @param shared the protocol of all connections of a server, which may find their sessions in it again */
  constructor(
    protocol: P,
    settings: ConnectionSettings & ProtocolSettings,
    environment?: Environment,
    shared: Protocol<TypesOf[P]> = createProtocol(protocol, settings),
  ) {
    super(shared, settings, environment);
    this.protocol = protocol;
    this.#protocolImpl = shared;
  }

  /** As for every connection. An array goes as a `.npy` in a message of bytes, over v1 in modes 0 to 3. */
  override sendData(value: TypesOf[P]['value'], options?: SendOptions<TypesOf[P]>): Promise<boolean> {
    if (this.protocol !== 'v1' || !isArrayValue(value) || isPickled(options)) return super.sendData(value, options);
    try {
      return super.sendData(encodeNpy(value), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The next message as an array, with its type and shape: a `.npy` in bytes, as `sendData` makes it of an array and Python with `numpy.save`;
   * over v1 also a numpy array that was sent in mode 4 or 5. With `dtype`, bare bytes of that type and `shape`. Large elements are used where
   * they arrived, without a copy.
   * @throws `ERR_SERPY_ARRAY_FORMAT` for any other message, which is taken and is the error's `data`; `ERR_SERPY_OPTION`; and what `getData` throws
   */
  async getArray<D extends DType = DType>(options: ArrayOptions<D> = {}): Promise<NdArray<D>> {
    const { wait, bare } = parseArrayOptions(options);
    this.#arrays ??= new ArrayMessages();
    const arrays = this.#arrays;
    return this.consume('getArray', wait, (received) => arrays.read(this.#protocolImpl.data(received), bare));
  }

  /** As for every connection; also takes the `data` that `getArray` gave. */
  override release(data: Uint8Array | TypedArray): void {
    super.release(this.#arrays?.of(data) ?? (data as Uint8Array));
  }

  /** The protocol that the peer speaks; undefined before that is known, as it is with `'auto'` until the peer has shown it. */
  override get peerProtocol(): 'v1' | 'v2' | undefined {
    return super.peerProtocol as 'v1' | 'v2' | undefined;
  }
}

/** In these modes v1 sends objects, and `{ data, shape }` is one. */
function isPickled(options: object | undefined): boolean {
  return options !== undefined && 'mode' in options && Number(options.mode) >= 4;
}
