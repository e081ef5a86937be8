/** Options that there are: a misspelt one is a mistake of the caller, and must not be as if it were left out. */

import { shown } from "./text.ts";

/** What a value of this type has to be: "any" is looked at by the call alone, `true` is something, a table is of its keys. */
type Kind<V> = null extends V
  ? "any"
  : [V] extends [boolean | undefined]
    ? "flag"
    : [V] extends [number | undefined]
      ? "number"
      : [V] extends [readonly unknown[] | undefined]
        ? "list"
        : [V] extends [Uint8Array | undefined]
          ? "bytes"
          : [V, string] extends [string | undefined, V]
            ? "text"
            : true | OptionKeys<NonNullable<V>>;

/** Every key of an object of options, and of what kind it is: the compiler holds such a table against the type. */
export type OptionKeys<T> = { readonly [each in keyof Required<T>]: Kind<T[each]> };

/** A table of `OptionKeys`, of whichever options. */
export type KeyTable = Readonly<Record<string, unknown>>;

/** The keys of `WaitOptions`. */
export const WAIT_KEYS = { timeoutMs: "number", signal: true } as const;

/** The keys of what only a signal ends. */
export const SIGNAL_KEYS = { signal: true } as const;

/** The keys of an update that may go to a client which has not subscribed. */
export const FORCE_KEYS = { force: "flag" } as const;

/**
 * @param what names the call, for a person
 * @param known the options, as a table of `OptionKeys`
 * @throws TypeError for what is no object of options, for a `signal` that is none, and for the first key that is not in
 * `known`, with the one that was meant where only its case differs, or whose value is not of its kind. An option that is
 * `undefined` is as if it were left out.
 */
export function checkKeys(what: string, options: object, known: KeyTable): void {
  checkObject(what, options);
  const { signal } = options as { signal?: unknown };
  if (Object.hasOwn(known, "signal")) checkSignal(what, signal);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, key)) throw new TypeError(`${what}: ${problemOf(key, Object.keys(known))}`);
    if (value === undefined) continue;
    const kind = known[key];
    const problem = mismatch(kind, value);
    if (problem) throw new TypeError(`${what}: ${key} is ${shown(value)}, ${problem}`);
    if (typeof kind === "object") checkKeys(key, value, kind as KeyTable);
  }
}

/** Why a value is not of this kind. */
function mismatch(kind: unknown, value: unknown): string | false {
  switch (kind) {
    case "any":
      return false;
    case "flag":
      return typeof value !== "boolean" && "neither true nor false";
    case "number":
      return typeof value !== "number" && "which is no number";
    case "text":
      return typeof value !== "string" && "which is no text";
    case "list":
      return !Array.isArray(value) && "which is no list";
    case "bytes":
      return !(value instanceof Uint8Array) && "which is no Uint8Array";
    default:
      return value === null && "which is no value";
  }
}

/** @throws RangeError for what is no whole number of this range. */
export function checkInteger(what: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw new RangeError(`${what} ${shown(value)} is out of range: ${min} to ${max}`);
}

/**
 * @param what names the call, for a person
 * @throws TypeError for what nobody can listen to.
 */
export function checkSignal(what: string, signal: unknown): void {
  if (signal === undefined) return;
  const { addEventListener, removeEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof addEventListener === "function" && typeof removeEventListener === "function") return;
  throw new TypeError(
    `${what}: signal is ${shown(signal)}, which is no AbortSignal: give the signal of an AbortController`,
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
function checkObject(what: string, options: unknown): void {
  if (typeof options === "object" && options !== null && !Array.isArray(options)) return;
  throw new TypeError(`${what}: options are an object, not ${shown(options)}`);
}

function problemOf(key: string, known: readonly string[]): string {
  const meant = known.find((other) => other.toLowerCase() === key.toLowerCase());
  if (meant !== undefined) return `unknown key "${key}": write ${meant}`;
  return `unknown key "${key}"; there are ${known.join(", ")}`;
}
