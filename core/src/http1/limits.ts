/** Bounds of a message head; the defaults and their ranges are the config's (`limits` of a listener, `maxResponseHeadBytes` of a pool). */
export interface HeadLimits {
  /** Bytes from the first one of the message to the end of the empty line behind the fields. */
  readonly maxHeadBytes: number;
  /** Bytes of the request target as received. Not used for responses. */
  readonly maxTargetBytes: number;
  /** Field lines. */
  readonly maxHeaders: number;
}
