/**
 * Steps of a chance between 0 and 1. A strategy that needs one at each pick draws a whole number below this and divides: what a function returns as a
 * fraction V8 puts on the heap, and a small whole number not.
 */
export const FINENESS = 2 ** 30;
