/** The numbers of one pool: which cell holds what. */

/** Attempts beyond the first of an exchange. */
export const RETRIES = 0;
export const POOL_CELLS = 1;
