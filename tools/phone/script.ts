/** What a phone is to do, as text: one step a line. docs/phone.md describes each step. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { UsageError } from "../events.ts";

/** A characteristic: the first with this UUID, or the nth; or a descriptor of it. */
export interface Attribute {
  readonly uuid: UUID;
  /** From 1. */
  readonly nth: number;
  readonly descriptor?: UUID;
}

/** Bytes to compare with: undefined stands for any byte. */
export type Pattern = readonly (number | undefined)[];

/** Whom to look for. */
export interface Whom {
  readonly name?: string;
  /** Six bytes in printed order. */
  readonly address?: Uint8Array;
  /** The camera that was found before. */
  readonly again?: boolean;
}

/** How the phone's user pairs. */
export interface PairChoice {
  readonly legacy: boolean;
  /** What the user types, or what the phone shows. */
  readonly passkey: number | undefined;
  /** The user types the digits behind this text on the camera's console. */
  readonly after: string | undefined;
  /** What the user says of two numbers. */
  readonly isEqual: boolean;
}

/** One step. Times are in milliseconds. */
export type Step =
  | { readonly do: "phone"; readonly number: number }
  | { readonly do: "find"; readonly whom: Whom; readonly withinMs: number }
  | { readonly do: "listen"; readonly count: number; readonly withinMs: number }
  | { readonly do: "connect"; readonly mtu: number; readonly plain: boolean }
  | ({ readonly do: "pair" } & PairChoice)
  | { readonly do: "encrypt" }
  | { readonly do: "forget" }
  | { readonly do: "database" }
  | { readonly do: "read"; readonly attribute: Attribute }
  | { readonly do: "read all" }
  | {
      readonly do: "write";
      readonly attribute: Attribute;
      readonly value: Uint8Array;
      readonly response: boolean;
    }
  | { readonly do: "subscribe"; readonly attribute: Attribute; readonly indications: boolean }
  | { readonly do: "subscribe all" }
  | { readonly do: "unsubscribe"; readonly attribute: Attribute }
  | { readonly do: "notifications"; readonly count: number; readonly withinMs: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "disconnect" }
  | { readonly do: "expect value"; readonly pattern: Pattern }
  | { readonly do: "expect refusal"; readonly code: number | undefined }
  | {
      readonly do: "expect notification";
      readonly attribute: Attribute;
      readonly pattern: Pattern | undefined;
      readonly withinMs: number;
    }
  | { readonly do: "expect silence"; readonly ms: number }
  | { readonly do: "expect log"; readonly text: string; readonly withinMs: number }
  | { readonly do: "expect disconnection"; readonly withinMs: number };

/** A step and where it stands. */
export interface Line {
  /** `phone.txt:12` */
  readonly place: string;
  readonly step: Step;
}

/** Each step's form, for messages; docs/phone.md says the same at length. */
export const forms = {
  phone: "phone NUMBER",
  find: 'find ["NAME" | ADDRESS | again] [within TIME]',
  listen: "listen COUNT [within TIME]",
  connect: "connect [mtu NUMBER] [plain]",
  pair: 'pair [legacy] [passkey DIGITS | passkey after "TEXT" | unequal]',
  encrypt: "encrypt",
  forget: "forget",
  database: "database",
  read: "read CHARACTERISTIC | read all",
  write: "write CHARACTERISTIC VALUE [without response]",
  subscribe: "subscribe CHARACTERISTIC [indications] | subscribe all",
  unsubscribe: "unsubscribe CHARACTERISTIC",
  notifications: "notifications COUNT [within TIME]",
  wait: "wait TIME",
  disconnect: "disconnect",
  "expect value": "expect value VALUE",
  "expect refusal": "expect refusal [CODE]",
  "expect notification": "expect notification CHARACTERISTIC [VALUE] [within TIME]",
  "expect silence": "expect silence TIME",
  "expect log": 'expect log "TEXT" [within TIME]',
  "expect disconnection": "expect disconnection [within TIME]",
} as const;

type Form = keyof typeof forms;

/** What steps wait for when they do not say. */
const DEFAULT_MS = 30_000;

/** The longest wait: timers of this computer know no longer one. */
const MAX_MS = 24 * 3600 * 1000;

/**
 * Reads a script.
 * @param name what its lines are called in errors
 * @throws UsageError that names the line and the form of its step.
 */
export function parseScript(text: string, name: string): Line[] {
  return text.split("\n").flatMap((line, index) => {
    const place = `${name}:${index + 1}`;
    const step = parseStep(line, place);
    return step === undefined ? [] : [{ place, step }];
  });
}

/** Reads one line; undefined for an empty one and for a comment. */
export function parseStep(line: string, place: string): Step | undefined {
  const words = new Words(line, place);
  if (words.isAtEnd) return undefined;
  const first = words.next();
  const form = (first === "expect" ? `expect ${words.isAtEnd ? "" : words.next()}` : first) as Form;
  if (!Object.hasOwn(forms, form)) {
    throw new UsageError(`${place}: "${form.trim()}" is no step. Steps: ${Object.keys(forms).join(", ")}.`);
  }
  words.form = form;
  const step = readers[form](words);
  words.end();
  return step;
}

/** The words of one line. */
class Words {
  form: Form | undefined;
  private readonly words: readonly string[];
  private readonly place: string;
  private at = 0;

  constructor(line: string, place: string) {
    this.place = place;
    // A comment begins with # where a word may begin; quotes keep blanks, and \" and \\ stand for " and \.
    this.words = [...line.matchAll(/"(?:[^"\\]|\\.)*"|#.*|\S+/g)]
      .map(([word]) => word)
      .filter((word) => !word.startsWith("#"));
  }

  get isAtEnd(): boolean {
    return this.at >= this.words.length;
  }

  fail(what: string): never {
    const form = this.form === undefined ? "" : ` The step is: ${forms[this.form]}.`;
    throw new UsageError(`${this.place}: ${what}.${form}`);
  }

  next(what = "a word"): string {
    return this.words[this.at++] ?? this.fail(`${what} is missing`);
  }

  /** Takes these words when they come next. */
  take(...words: readonly string[]): boolean {
    if (!words.every((word, index) => this.words[this.at + index] === word)) return false;
    this.at += words.length;
    return true;
  }

  /** Whether a word that begins like this comes next. */
  comes(form: RegExp): boolean {
    return !this.isAtEnd && form.test(this.words[this.at]!);
  }

  end(): void {
    if (!this.isAtEnd) this.fail(`"${this.words[this.at]}" is one word too many`);
  }

  integer(what: string, least: number, most: number): number {
    const word = this.next(what);
    const value = /^(?:0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
    if (!(value >= least && value <= most)) {
      this.fail(`${what} is a number from ${least} to ${most}, not ${word}`);
    }
    return value;
  }

  /** `2 s`, `2s`, `500 ms`. */
  time(): number {
    const word = this.next("a time");
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|ms)?$/.exec(word) ?? [];
    const units = unit ?? (amount === undefined ? "" : this.next("s or ms"));
    const ms = Number(amount) * (units === "s" ? 1000 : 1);
    if (amount === undefined || !["s", "ms"].includes(units) || ms > MAX_MS) {
      this.fail(`a time is a number of s or ms, at most a day, not ${word}`);
    }
    return ms;
  }

  within(): number {
    return this.take("within") ? this.time() : DEFAULT_MS;
  }

  text(): string {
    const word = this.next("a text");
    if (!/^".*"$/.test(word)) this.fail(`a text stands in quotes, not ${word}`);
    return word.slice(1, -1).replace(/\\(.)/g, "$1");
  }

  attribute(): Attribute {
    const word = this.next("a characteristic");
    const [, uuid, nth = "1", descriptor] = /^([^[/]+)(?:\[(\d+)\])?(?:\/(.+))?$/.exec(word) ?? [];
    if (uuid === undefined || Number(nth) < 1) this.fail(`${word} is no characteristic`);
    return {
      uuid: this.uuid(uuid!),
      nth: Number(nth),
      ...(descriptor === undefined ? {} : { descriptor: this.uuid(descriptor) }),
    };
  }

  passkey(): number {
    const word = this.next("a passkey");
    if (!/^\d{6}$/.test(word)) this.fail(`a passkey is six digits, or after a text, not ${word}`);
    return Number(word);
  }

  private uuid(word: string): UUID {
    try {
      return new UUID(word.replace(/^0x/i, ""));
    } catch (error) {
      return this.fail((error as Error).message);
    }
  }

  pattern(): Pattern {
    const word = this.next("a value");
    if (word.startsWith('"')) {
      this.at--;
      return [...new TextEncoder().encode(this.text())];
    }
    if (word === "empty") return [];
    const digits = word.replace(/^0x/i, "");
    if (!/^(?:[0-9a-f]{2}|\.\.)+$/i.test(digits)) {
      this.fail(`a value is a text in quotes, pairs of hexadecimal digits, or "empty", not ${word}`);
    }
    return digits.match(/../g)!.map((pair) => (pair === ".." ? undefined : Number.parseInt(pair, 16)));
  }

  value(): Uint8Array {
    const pattern = this.pattern();
    if (pattern.includes(undefined)) this.fail("what is written has no byte left open");
    return Uint8Array.from(pattern as readonly number[]);
  }
}

const readers: Readonly<Record<Form, (words: Words) => Step>> = {
  phone: (words) => ({ do: "phone", number: words.integer("the phone", 1, 16) }),
  find: (words) => {
    const whom = words.comes(/^"/)
      ? { name: words.text() }
      : words.comes(/^[0-9a-f]{2}:/i)
        ? { address: address(words) }
        : words.take("again")
          ? { again: true }
          : {};
    return { do: "find", whom, withinMs: words.within() };
  },
  listen: (words) => ({
    do: "listen",
    count: words.integer("the count", 1, 10_000),
    withinMs: words.within(),
  }),
  connect: (words) => ({
    do: "connect",
    mtu: words.take("mtu") ? words.integer("the mtu", 23, 517) : 247,
    plain: words.take("plain"),
  }),
  pair: (words) => {
    const legacy = words.take("legacy");
    const isPasskey = words.take("passkey");
    const after = isPasskey && words.take("after") ? words.text() : undefined;
    return {
      ...{ do: "pair", legacy, after },
      passkey: isPasskey && after === undefined ? words.passkey() : undefined,
      isEqual: isPasskey || !words.take("unequal"),
    };
  },
  encrypt: () => ({ do: "encrypt" }),
  forget: () => ({ do: "forget" }),
  database: () => ({ do: "database" }),
  read: (words) => (words.take("all") ? { do: "read all" } : { do: "read", attribute: words.attribute() }),
  write: (words) => ({
    do: "write",
    attribute: words.attribute(),
    value: words.value(),
    response: !words.take("without", "response"),
  }),
  subscribe: (words) =>
    words.take("all")
      ? { do: "subscribe all" }
      : { do: "subscribe", attribute: words.attribute(), indications: words.take("indications") },
  unsubscribe: (words) => ({ do: "unsubscribe", attribute: words.attribute() }),
  notifications: (words) => ({
    do: "notifications",
    count: words.integer("the count", 1, 10_000),
    withinMs: words.within(),
  }),
  wait: (words) => ({ do: "wait", ms: words.time() }),
  disconnect: () => ({ do: "disconnect" }),
  "expect value": (words) => ({ do: "expect value", pattern: words.pattern() }),
  "expect refusal": (words) => ({
    do: "expect refusal",
    code: words.isAtEnd ? undefined : words.integer("the code", 1, 255),
  }),
  "expect notification": (words) => ({
    do: "expect notification",
    attribute: words.attribute(),
    pattern: words.isAtEnd || words.comes(/^within$/) ? undefined : words.pattern(),
    withinMs: words.within(),
  }),
  "expect silence": (words) => ({ do: "expect silence", ms: words.time() }),
  "expect log": (words) => ({
    do: "expect log",
    text: words.text(),
    withinMs: words.within(),
  }),
  "expect disconnection": (words) => ({
    do: "expect disconnection",
    withinMs: words.within(),
  }),
};

function address(words: Words): Uint8Array {
  const word = words.next("an address");
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(word)) words.fail(`${word} is no address`);
  return Uint8Array.from(word.split(":"), (pair) => Number.parseInt(pair, 16));
}
