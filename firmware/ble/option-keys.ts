/** Options that there are: a misspelt one is a mistake of the caller, and must not be as if it were left out. */

import { shown } from "./text.ts";

/** What a value of this type is looked at for: `null` may stand for something; it is true or false; it is something. */
type Kind<V> = null extends V ? "any" : [V] extends [boolean | undefined] ? "flag" : true;

/** Every key of an object of options, and of what kind it is: the compiler holds such a table against the type. */
export type OptionKeys<T> = { readonly [each in keyof Required<T>]: Kind<T[each]> };

/** A table of `OptionKeys`, of whichever options. */
export type KeyTable = Readonly<Record<string, unknown>>;

/** The keys of `WaitOptions`. */
export const WAIT_KEYS = { timeoutMs: true, signal: true } as const;

/** The keys of what only a signal ends. */
export const SIGNAL_KEYS = { signal: true } as const;

/** The keys of an update that may go to a client which has not subscribed. */
export const FORCE_KEYS = { force: "flag" } as const;

/**
 * @param what names the call, for a person
 * @param known the options, as a table of `OptionKeys`
 * @throws TypeError for what is no object of options, for a `signal` that is none, and for the first key that is not in
 * `known`, with the one that was meant where only its case differs, or whose value is `null`, or neither true nor false where it
 * has to be. An option that is `undefined` is as if it were left out.
 */
export function checkKeys(what: string, options: object, known: KeyTable): void {
  checkObject(what, options);
  const { signal } = options as { signal?: unknown };
  if (Object.hasOwn(known, "signal")) checkSignal(what, signal);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, key)) throw new TypeError(`${what}: ${problemOf(key, Object.keys(known))}`);
    if (value === undefined || known[key] === "any") continue;
    const isFlag = known[key] === "flag";
    if (isFlag ? typeof value !== "boolean" : value === null)
      throw new TypeError(
        `${what}: ${key} is ${shown(value)}, ${isFlag ? "neither true nor false" : "which is no value"}`,
      );
  }
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

/** @throws TypeError for what is no function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new TypeError(`${name} is ${shown(value)}, which is not a function`);
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
