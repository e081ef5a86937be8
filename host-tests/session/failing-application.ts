/** An application that fails in every way, for traces.test.ts, with the places where it does. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files of an application in which `§name§` marks a place: a test asks for it by its name. */
export class Marked {
  readonly folder = mkdtempSync(join(tmpdir(), "obscura-traces-"));
  private readonly places = new Map<string, string>();

  write(name: string, text: string): void {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    const lines = text.split("\n").map((line, index) => {
      let rest = line;
      for (let mark = /§([^§]+)§/.exec(rest); mark !== null; mark = /§([^§]+)§/.exec(rest)) {
        this.places.set(mark[1]!, `${file}:${index + 1}:${mark.index + 1}`);
        rest = rest.replace(mark[0], "");
      }
      return rest;
    });
    writeFileSync(file, lines.join("\n"));
  }

  /** `file:line:column` */
  at(name: string): string {
    const place = this.places.get(name);
    assert.ok(place !== undefined, `nothing is marked ${name}`);
    return place;
  }
}

export const main = `
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { check } from "checker";
import { Deep, explode } from "./lib.ts";

/** A comment, and a constant that the build puts where it is used. */
const LIMIT = 3;

class Reading extends Characteristic {
  override onWrite(): number {
    return this.measure(
      [1, 2, LIMIT],
      §argument of several lines§explode("in onWrite"),
    );
  }
  private measure(values: number[], more: number): number {
    return values.length + more;
  }
}

let fails = false;
class Holder {
  static readonly first = new Holder(1);
  readonly value = fails ? §field§explode("in a field") : 0;
  constructor(readonly kind: number) {}
  get broken(): number {
    const missing = undefined as unknown as { deep: { er: number } };
    return (
      LIMIT +
      missing.§getter§deep.er
    );
  }
}

class Table {
  static readonly size = 4;
  static readonly rows = Table.make();
  static failing(): Table {
    throw §class static§new Error(\`no table of \${Table.size}\`);
  }
  private static make(): number[] {
    return [Table.size];
  }
}

function* numbers(): Generator<number> {
  yield 1;
  throw §generator§new RangeError("in a generator");
}

async function* readings(): AsyncGenerator<number> {
  yield 1;
  await null;
  throw §async generator§new RangeError("in an async generator");
}

const attempts: Record<string, () => unknown> = {
  construct: () => {
    fails = true;
    return §new Holder§new Holder(2);
  },
  getter: () => Holder.first.broken,
  statics: () => Table.§Table.failing§failing(),
  generator: () => [...numbers()],
  arrow: () => [1].map((x) => §in arrow§explode(\`arrow \${x}\`)),
  recursion: () => new Deep().§Deep.fall§fall(100),
  notFunction: () => (§not a function§undefined as unknown as () => void)(),
  noMethod: () => ({ of: {} as { go(): void } }).of.§no method§go(),
  early: () => {
    const read = () => §early§later;
    read();
    const later = 1;
    return later;
  },
  constant: () => {
    const fixed = Object.freeze({ a: 1 }) as { a: number };
    fixed.§frozen§a = 2;
  },
  iterate: () => {
    for (const each of §not iterable§(5 as unknown as number[])) console.log(each);
  },
  packaged: () => §call of a package§check(-1),
  returns: () => {
    const inner = () => §returned call§explode("returned");
    const outer = () => §returning call§inner();
    return outer();
  },
  cause: () => {
    try {
      §inner cause§explode("inner");
    } catch (cause) {
      throw §outer cause§new Error("outer", { cause });
    }
  },
  aggregate: () => {
    throw §aggregate§new AggregateError([§one of several§new Error("one"), "two"], "several");
  },
};
for (const [name, attempt] of Object.entries(attempts)) {
  console.log(\`== \${name}\`);
  try {
    §attempt§attempt();
  } catch (error) {
    console.error(error);
  }
}
console.log("== timers");
setTimeout(() => §in a timer§explode("in a timer"), 10);
setTimeout(() => {
  §thrown text§throw "text in a timer";
}, 20);
setTimeout(async () => {
  await null;
  §in an async function§explode("in an async function");
}, 30);
setTimeout(async () => {
  §thrown object§throw Object.create(null);
}, 40);
setTimeout(async () => {
  for await (const reading of readings()) console.log(\`reading \${reading}\`);
}, 50);
async function sink(): Promise<void> {
  await null;
  §awaited explode§explode("awaited");
}
async function source(): Promise<number> {
  const results = [1];
  §await sink§await sink();
  return results.length;
}
setTimeout(async () => {
  for (const each of [1, 2]) console.log(each + (§await source§await source()));
}, 55);
setTimeout(async () => {
  const early = §early advertising§await advertise({ intervalUs: 100_000, name: "second" });
  console.log(early);
}, 56);
setTimeout(() => {
  §rejected§Promise.reject(§rejected error§new TypeError("rejected"));
}, 60);

const service = new Service(new UUID(0x181a));
new Reading(service, new UUID(0x2a6e), { write: true });
registerServices(service);
const connection = await advertise({ intervalUs: 100_000, name: "traces" });
await connection.disconnected();
await new Promise((resolve) => setTimeout(resolve, 3000));
console.log("== end");
const nothing = null as unknown as { call(a: number, b: number): void; value: number };
nothing.§top level§call(
  1,
  nothing.value,
);
`;

export const lib = `
export function explode(what: string): never {
  throw §explode§new Error(\`boom: \${what}\`);
}
export class Deep {
  fall(depth: number): number {
    if (depth === 0) return §bottom§explode("at the bottom");
    return this.§fall§fall(depth - 1) + 1;
  }
}
`;

export const checker = `
export function check(value) {
  const limits = { least: 0 };
  if (value < limits.least) throw §in a package§new RangeError("too little: " + value);
  return value;
}
`;

/** Goes on until the camera has failed. */
export const phone = `
find "traces"
connect
write 2a6e 01
expect refusal 0x0e
disconnect
expect log "The application failed" within 120 s
wait 60 s
`;
