/** Memory of the engine, for scenarios that look for leaks. */

/**
 * Bytes that are in use after a collection, on XS; undefined on Node, whose figures depend on what its compilers do.
 * The `tests` bundle puts the function there.
 */
export function heapUsed(): number | undefined {
  return (globalThis as { heapUsed?: () => number }).heapUsed?.();
}
