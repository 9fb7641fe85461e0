/** Status codes by their first digit. */

/** `none` = nothing was sent, or TCP. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** Its place in `STATUS_CLASSES`. */
export function classOf(status: number): number {
  return status >= 100 && status < 600 ? (status / 100) | 0 : 0;
}
