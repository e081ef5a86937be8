/** Options that there are: a misspelt one is a mistake of the caller, and must not be as if it were left out. */

import { shown } from "./text.ts";

/** Every key of an object of options: the compiler holds such a table against the type. */
export type OptionKeys<T> = { readonly [each in keyof Required<T>]: true };

/** The keys of `WaitOptions`. */
export const WAIT_KEYS = { timeoutMs: true, signal: true } as const;

/** The keys of what only a signal ends. */
export const SIGNAL_KEYS = { signal: true } as const;

/** The keys of an update that may go to a client which has not subscribed. */
export const FORCE_KEYS = { force: true } as const;

/**
 * @param what names the call, for a person
 * @throws TypeError for what is no object of options, for the first key that is not in `known`, with the one that was meant
 * where only its case differs, and for a `signal` that is none.
 */
export function checkKeys(what: string, options: object, known: object): void {
  checkObject(what, options);
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(known, key)) throw new TypeError(`${what}: ${problemOf(key, Object.keys(known))}`);
  }
  if (Object.hasOwn(known, "signal")) checkSignal(what, (options as { signal?: unknown }).signal);
}

/**
 * @param what names the call, for a person
 * @throws TypeError for what nobody can listen to.
 */
export function checkSignal(what: string, signal: unknown): void {
  if (signal === undefined) return;
  const { addEventListener, removeEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof addEventListener === "function" && typeof removeEventListener === "function") return;
  const given = Array.isArray(signal) ? "a list" : shown(signal);
  throw new TypeError(
    `${what}: signal is ${given}, which is no AbortSignal: give the signal of an AbortController`,
  );
}

/**
 * @param what names the call, for a person
 * @throws TypeError for what is no object of options.
 */
export function checkObject(what: string, options: unknown): void {
  if (typeof options === "object" && options !== null && !Array.isArray(options)) return;
  const given = Array.isArray(options) ? "a list" : shown(options);
  throw new TypeError(`${what}: options are an object, not ${given}`);
}

function problemOf(key: string, known: readonly string[]): string {
  const meant = known.find((other) => other.toLowerCase() === key.toLowerCase());
  if (meant !== undefined) return `unknown key "${key}": write ${meant}`;
  return `unknown key "${key}"; there are ${known.join(", ")}`;
}
