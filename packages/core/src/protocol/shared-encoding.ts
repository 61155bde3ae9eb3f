/** What the connections of a broadcast share: the encoded, immutable bytes of one value, made once for each protocol. */

export class SharedEncoding {
  readonly #made = new Map<string, unknown>();

  /**
   * What a session has made for this value, or makes now.
   * @param key names the protocol and the form, so that it has the same type in each call
   * @param make must give something that never changes: no bytes of the program
   */
  get<E>(key: string, make: () => E): E {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as E;
  }
}
