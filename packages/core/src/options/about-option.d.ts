/** What a message is. */
export interface About {
    /** The name of the quantity, such as `'temperature'`. */
    readonly name?: string | undefined;
    /** The unit of its numbers, such as `'K'`. */
    readonly unit?: string | undefined;
    /** The names of the axes of an array, in the order of its shape, such as `['y', 'x']`. */
    readonly axes?: readonly string[] | undefined;
}
/** The option of `sendData`. */
export interface AboutOption {
    /**
     * What the message is: its name, the unit of its numbers, and the names of its axes, each at most 64 bytes. The peer reads it as `about` of the
     * message. Only a session carries it: without one, the message is sent without it.
     */
    readonly about?: About | undefined;
}
/** The largest number of axes: that of numpy. */
export declare const maxAxes = 32;
/**
 * A checked copy, which nothing changes.
 * @throws `ERR_SERPY_OPTION` for unknown names and for texts that are empty, too long or not printable
 */
export declare function parseAbout(given: unknown): About;
/** Checks the metadata in options of `sendData`, for protocols that do not carry them, too. @throws `ERR_SERPY_OPTION` */
export declare function checkAbout(options: object): void;
/** The same for texts of a peer or of a file; undefined if one of them is not legal, or if there is none. */
export declare function aboutFrom(given: unknown): About | undefined;
/** The text in bytes of a peer; undefined if they are not legal. */
export declare function aboutTextFrom(bytes: Buffer): string | undefined;
/** Without the members that are not there, so that it can be compared and written as JSON. */
export declare function aboutOf(name: string | undefined, unit: string | undefined, axes: readonly string[] | undefined): About;
