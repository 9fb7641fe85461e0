/** Bounds of what is read of a message; the defaults and their ranges are the config's (`limits` of a listener, `maxResponseHeadBytes` of a pool). */

export interface HeadLimits {
  /** Bytes from the first one of the message to the end of the empty line behind the fields. */
  readonly maxHeadBytes: number;
  /** Bytes of the request target as received. Not used for responses. */
  readonly maxTargetBytes: number;
  /** Field lines. */
  readonly maxHeaders: number;
  /** Bytes of one field line, without its CRLF. Absent: `maxHeadBytes`. Not used for responses. */
  readonly maxHeaderLineBytes?: number;
}

export interface ChunkLimits {
  /**
   * Bytes of chunk lines beyond what honest senders need (16 a chunk, and as much as its data), over the whole body: many small chunks with
   * long extensions cost us much and the sender little (CVE-2023-39326, CVE-2024-22019).
   */
  readonly maxChunkExtensionBytes: number;
  /** Bytes of the trailer section, its empty line included. */
  readonly maxTrailerBytes: number;
}

/** For responses, and what a listener's `limits` begin with. */
export const CHUNK_LIMITS: ChunkLimits = { maxChunkExtensionBytes: 16_384, maxTrailerBytes: 8_192 };
