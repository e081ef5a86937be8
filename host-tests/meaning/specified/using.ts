/** `using` and `await using` in every kind of block that is entered more than once, left in every way there is. */
import { fromPart } from "./parts/disposed.ts";

const log = (...words: unknown[]): void => console.log(words.map(String).join(" "));
const open = (name: string): Disposable => ({ [Symbol.dispose]: () => log("  dispose", name) });
const openAsync = (name: string): AsyncDisposable => ({
  async [Symbol.asyncDispose]() {
    await undefined;
    log("  dispose", name);
  },
});
const failing = (name: string): Disposable => ({
  [Symbol.dispose]() {
    throw new Error(name);
  },
});
const failingAsync = (name: string): AsyncDisposable => ({
  async [Symbol.asyncDispose]() {
    throw new Error(name);
  },
});
/** A SuppressedError as its tree. */
function text(error: unknown): string {
  const { name, message, error: later, suppressed } = error as SuppressedError;
  return name === "SuppressedError" ? `(${text(later)} suppressed ${text(suppressed)})` : message;
}

log("the part's resource is disposed of:", fromPart.isDisposed);
using last = open("at the end of the module");

log("for");
for (let i = 0; i < 3; i++) {
  try {
    using resource = open(`for ${i}`);
    if (i === 0) throw new Error("in round 0");
    log("round", i, "done", typeof resource);
  } catch (error) {
    log("round", i, "caught", text(error));
  }
}

log("for, await");
for (let i = 0; i < 3; i++) {
  try {
    await using resource = openAsync(`for ${i}`);
    if (i === 0) throw new Error("in round 0");
    log("round", i, "done", typeof resource);
  } catch (error) {
    log("round", i, "caught", text(error));
  }
}

log("for-of over resources");
for (let i = 0; i < 2; i++) {
  try {
    for (using resource of [open("one"), null, undefined, open("two")]) {
      if (i === 0 && resource === undefined) throw new Error("no resource");
      log(resource === null ? "null" : typeof resource);
    }
  } catch (error) {
    log("caught", text(error));
  }
}

log("for-await over resources");
async function* resources(): AsyncGenerator<AsyncDisposable | null> {
  try {
    yield openAsync("one");
    yield null;
    yield openAsync("two");
  } finally {
    log("  the generator ends");
  }
}
for (let i = 0; i < 2; i++) {
  try {
    for await (await using resource of resources()) {
      if (i === 0 && resource === null) throw new Error("no resource");
      log(typeof resource);
    }
  } catch (error) {
    log("caught", text(error));
  }
}

log("for with a resource in its head");
for (let n = 0; n < 2; n++) {
  try {
    for (using head = open(`head ${n}`); n < 2; ) {
      if (n === 0) throw new Error("in its body");
      log(typeof head);
      break;
    }
  } catch (error) {
    log("caught", text(error));
  }
}

log("while");
let turns = 0;
while (turns < 3) {
  turns++;
  try {
    using first = open(`first ${turns}`);
    using second = turns === 2 ? null : open(`second ${turns}`);
    if (turns === 1) throw new Error("in turn 1");
    log("turn", turns, typeof first, second === null);
  } catch (error) {
    log("caught", text(error));
  }
}

log("do");
do {
  try {
    await using resource = openAsync(`do ${turns}`);
    if (turns === 3) throw new Error("in turn 3");
    log("turn", turns, typeof resource);
  } catch (error) {
    log("caught", text(error));
  }
} while (turns-- > 2);

log("nested, continue, break, labels");
outer: for (let i = 0; i < 4; i++) {
  using row = open(`row ${i}`);
  for (const k of [0, 1, 2]) {
    try {
      using cell = open(`cell ${i}.${k}`);
      if (k === 0) throw new Error(`cell ${i}.${k}`);
      if (i === 0) continue;
      if (i === 1) continue outer;
      if (i === 2) break;
      log(typeof row, typeof cell);
      break outer;
    } catch (error) {
      log("caught", text(error));
    }
  }
  log("row", i, "done");
}

log("return");
function leave(rounds: number): string {
  for (let i = 0; ; i++) {
    try {
      using resource = open(`return ${i}`);
      if (i === 0) throw new Error("first");
      if (i === rounds) return `left in round ${i} with ${typeof resource}`;
    } catch (error) {
      log("caught", text(error));
    }
  }
}
log(leave(2));
async function leaveAsync(rounds: number): Promise<string> {
  for (let i = 0; ; i++) {
    try {
      await using resource = openAsync(`return ${i}`);
      if (i === 0) throw new Error("first");
      if (i === rounds) return `left in round ${i} with ${typeof resource}`;
    } catch (error) {
      log("caught", text(error));
    }
  }
}
log(await leaveAsync(1));

log("a function once a round");
function once(i: number): void {
  using resource = open(`call ${i}`);
  if (i === 0) throw new Error("call 0");
  log("call", i, typeof resource);
}
for (let i = 0; i < 2; i++) {
  try {
    once(i);
  } catch (error) {
    log("caught", text(error));
  }
}

log("a generator");
function* steps(): Generator<string> {
  for (let i = 0; i < 3; i++) {
    try {
      using resource = open(`step ${i}`);
      if (i === 0) throw new Error("step 0");
      yield `step ${i} ${typeof resource}`;
    } catch (error) {
      yield `caught ${text(error)}`;
    }
  }
}
for (const step of steps()) {
  log(step);
  if (step.startsWith("step 1")) break;
}

log("a switch in a loop");
for (let i = 0; i < 3; i++) {
  try {
    switch (i) {
      case 0: {
        using resource = open("case 0");
        throw new Error(typeof resource);
      }
      case 1: {
        using resource = open("case 1");
        log(typeof resource);
        break;
      }
      default: {
        using resource = open(`default ${i}`);
        if (typeof resource === "object") break;
      }
    }
  } catch (error) {
    log("caught", text(error));
  }
}

log("errors of disposals");
for (let i = 0; i < 3; i++) {
  try {
    using _a = failing("a");
    using _b = i === 1 ? open("b") : failing("b");
    using _c = i === 2 ? null : failing("c");
    if (i === 0) throw new Error("body");
  } catch (error) {
    log(i, text(error));
  }
}
for (let i = 0; i < 3; i++) {
  try {
    await using _a = failingAsync("a");
    using _b = i === 1 ? open("b") : failing("b");
    await using _c = i === 2 ? null : failingAsync("c");
    if (i === 0) throw new Error("body");
  } catch (error) {
    log(i, text(error));
  }
}

log("what cannot be disposed of");
for (const value of [{}, 1, null, open("a good one"), undefined]) {
  try {
    using resource = value as Disposable | null | undefined;
    log("body", String(resource === value));
  } catch (error) {
    log((error as Error).name);
  }
}

log("errors of every kind, undefined too");
for (const thrown of [undefined, null, 0, "text"]) {
  try {
    using _resource = open(String(thrown));
    throw thrown;
  } catch (error) {
    log(error === thrown);
  }
}
try {
  for (let i = 0; i < 2; i++) {
    using _resource = open(`closures ${i}`);
    if (i === 1) throw new Error("the last");
  }
} catch (error) {
  log("caught", text(error));
}
log("last", typeof last);
