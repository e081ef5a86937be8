/**
 * Explicit resource management for engines that lack it.
 *
 * `Symbol.dispose` and `Symbol.asyncDispose` are installed when this module is evaluated, not by a function that
 * somebody calls: a class with a method `[Symbol.asyncDispose]` reads the symbol when its own module is evaluated,
 * and would otherwise get a method named "undefined". So a bundle that declares such classes imports this file
 * before all others.
 */

// As identifiers, because the names must be in the bytecode: a preloaded machine makes up none.
Object.defineProperties(Symbol, {
  dispose: { value: Symbol.dispose ?? Symbol("Symbol.dispose") },
  asyncDispose: { value: Symbol.asyncDispose ?? Symbol("Symbol.asyncDispose") },
});

/**
 * Thrown where a block with `using` fails and a disposal at its end fails too: `error` is the later failure,
 * `suppressed` the one that it would have hidden.
 */
export interface SuppressedError extends Error {
  error: unknown;
  suppressed: unknown;
}

interface SuppressedErrorConstructor {
  new (error: unknown, suppressed: unknown, message?: string): SuppressedError;
  readonly prototype: SuppressedError;
}

/** Defined rather than assigned: assignment fails below a frozen prototype, and the standard hides these. */
function hide(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

function createSuppressedError(): SuppressedErrorConstructor {
  class SuppressedError extends Error {
    declare error: unknown;
    declare suppressed: unknown;

    constructor(error: unknown, suppressed: unknown, message?: string) {
      super(message);
      hide(this, "error", error);
      hide(this, "suppressed", suppressed);
    }
  }
  hide(SuppressedError.prototype, "name", "SuppressedError");
  return SuppressedError;
}

/** The engine's own `SuppressedError`, or ours where it has none. */
export const SuppressedError: SuppressedErrorConstructor =
  (globalThis as { SuppressedError?: SuppressedErrorConstructor }).SuppressedError ?? createSuppressedError();
