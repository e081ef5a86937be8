/**
 * What a bundle has of the language beyond ES2022: `using` and `await using`, which the build lowers, with the
 * symbols that dispose.ts installs. TypeScript's own `esnext.disposable` would promise `DisposableStack` too, which
 * neither the engine nor Node 20 has.
 */

interface SymbolConstructor {
  /** Names the method that `using` calls at the end of its block. */
  readonly dispose: unique symbol;
  /** Names the method that `await using` calls, and awaits, at the end of its block. */
  readonly asyncDispose: unique symbol;
}

interface Disposable {
  [Symbol.dispose](): void;
}

interface AsyncDisposable {
  [Symbol.asyncDispose](): PromiseLike<void>;
}

/** Thrown when a block fails and a disposal at its end fails too. */
interface SuppressedError extends Error {
  /** The later failure, of the disposal. */
  error: unknown;
  /** The earlier failure, which it would have hidden. */
  suppressed: unknown;
}

declare var SuppressedError: {
  readonly prototype: SuppressedError;
  new (error: unknown, suppressed: unknown, message?: string): SuppressedError;
};
