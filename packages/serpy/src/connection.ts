/** A connection over any of the protocols. */
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
import { describeConnection } from './describe-connection.js';
import type { ProtocolName } from './protocols.js';

/** The result of `connect`. Its messages have `text()`, `bytes()` and `number()` over each protocol. */
export class Connection<P extends ProtocolName = 'auto'> extends CoreConnection<TypesOf[P]> {
  /** The option `protocol`. */
  readonly protocol: ProtocolName;
  readonly #protocolImpl: Protocol<TypesOf[P]>;
  readonly #dropsOffline: boolean;
  /** Created for the first array. */
  #arrays: ArrayMessages | undefined;

  /** @param shared the protocol of all connections of a server: it holds the sessions that clients resume */
  constructor(
    protocol: P,
    settings: ConnectionSettings & ProtocolSettings,
    environment?: Environment,
    shared: Protocol<TypesOf[P]> = createProtocol(protocol, settings),
  ) {
    super(shared, settings, environment);
    this.protocol = protocol;
    this.#dropsOffline = settings.whenOffline === 'drop';
    this.#protocolImpl = shared;
  }

  /** As for every connection. Sends an array as a `.npy` in a message of bytes, over v1 in modes 0 to 3. */
  override sendData(value: TypesOf[P]['value'], options?: SendOptions<TypesOf[P]>): Promise<boolean> {
    if (this.protocol !== 'v1' || !isArrayValue(value)) return super.sendData(value, options);
    try {
      return super.sendData(arrayForV1(value, options), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  protected override toSend(value: TypesOf[P]['value']): TypesOf[P]['value'] {
    return this.protocol === 'v1' && isArrayValue(value) ? encodeNpy(value) : value;
  }

  /**
   * Reads the next message as an array with its type and shape: a `.npy` in bytes, as `sendData` and Python's `numpy.save` create it; over
   * v1 also a numpy array in mode 4 or 5. With `dtype`, bare bytes of that type and `shape`. Large elements are not copied.
   * @throws `ERR_SERPY_ARRAY_FORMAT` for any other message, which is consumed and is the error's `data`; `ERR_SERPY_OPTION`; and the errors
   * of `getData`
   */
  async getArray<D extends DType = DType>(options: ArrayOptions<D> = {}): Promise<NdArray<D>> {
    const { wait, bare } = parseArrayOptions(options);
    this.#arrays ??= new ArrayMessages();
    const arrays = this.#arrays;
    return this.consume('getArray', wait, (received) => arrays.read(this.#protocolImpl.data(received), bare));
  }

  /** As for every connection. Also accepts the `data` of an array of `getArray`. */
  override release(data: Uint8Array | TypedArray): void {
    super.release(this.#arrays?.of(data) ?? (data as Uint8Array));
  }

  /** One line for people: protocol, session, encryption, acknowledgements, and what a resolved `sendData` therefore means. */
  describe(): string {
    return describeConnection(this, this.#dropsOffline);
  }

  /** The protocol that the peer speaks. With `'auto'` undefined until it is detected. */
  override get peerProtocol(): 'v1' | 'v2' | 'lines' | undefined {
    return super.peerProtocol as 'v1' | 'v2' | 'lines' | undefined;
  }
}

/** An array as v1 sends it: as a `.npy`, except in a pickle. Other values stay as they are. */
export function arrayForV1<V>(value: V, options: object | undefined): V | Uint8Array {
  return isArrayValue(value) && !isPickled(options) ? encodeNpy(value) : value;
}

/** Whether v1 sends the value as a pickle, in which `{ data, shape }` is an object like any other. */
function isPickled(options: object | undefined): boolean {
  return options !== undefined && 'mode' in options && Number(options.mode) >= 4;
}
