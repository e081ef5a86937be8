/** What every source does without, whatever its module: reaching through objects, mutable modules, other styles of names. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { codeOf, FIRMWARE, ROOT, textOf, withoutComments } from "./architecture/sources.ts";

/** Four names in a row, `this` apart: the insides of an object of an object. Prototypes of the language are no insides. */
const REACH =
  /(?<![\w$.\]])(?!\w+\.prototype\.)(?:this\s*[!?]?\.\s*)?((?!this\b)[a-z_$][\w$]*(?:[!?]?\s*\.\s*[a-z_$][\w$]*){3,})/gi;

/** What reaches through several objects, without white space and marks. */
function reaches(code: string): string[] {
  const bare = withoutComments(code).replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  return [...bare.matchAll(REACH)].map(([, chain]) => chain!.replace(/[\s!?]/g, ""));
}

describe("architecture: nothing reaches through several objects", () => {
  it("no source of the firmware uses the insides of another module's insides", () => {
    const objections = FIRMWARE.flatMap((file) =>
      reaches(textOf(file)).map((chain) => {
        const [owner, ...rest] = chain.split(".");
        return `${file} reaches through ${chain}: that is an import in disguise. Let ${owner} offer a method for .${rest.join(".")}, or hand in what is needed`;
      }),
    );
    assert.deepEqual(objections, []);
  });

  it("finds what it refuses, and lets pass what it does not", () => {
    for (const [code, found] of [
      ["core.host.gatt.updates.notify(value)", ["core.host.gatt.updates.notify"]],
      ["if (connection.link.client.configurations) {}", ["connection.link.client.configurations"]],
      ["return this.a.b.c.d;", ["a.b.c.d"]],
      ["this.registration!.core\n  .host.log(1)", ["registration.core.host.log"]],
      ["a?.b?.c?.d", ["a.b.c.d"]],
      ["text = `$" + "{one.two.three.four}`", ["one.two.three.four"]],
      ["return this.l2cap.acl.repeat(1)", []],
      ["a.b.c", []],
      ["a.b().c.d", []],
      ["Map.prototype.forEach.call(map)", []],
      ['"a.b.c.d"; // e.f.g.h', []],
    ] as const) {
      assert.deepEqual(reaches(code), found, code);
    }
  });
});

describe("architecture: what the sources of the firmware do without", () => {
  const BANS: readonly (readonly [pattern: RegExp, reason: string, except?: RegExp])[] = [
    [/^(?:export\s+)?(?:let|var)\s/m, "a module-level variable costs RAM and makes two hosts impossible"],
    [
      /^(?:export\s+)?const\s+\w+[^=\n]*=\s*(?:new\s+(?:Map|Set|WeakMap|WeakSet|Array)\b|\[\];|\{\};)/m,
      "a module-level collection that grows is mutable state",
    ],
    [/(?:^\s*|\bthis\.)#[a-z_]\w*/im, "#private becomes a WeakMap on XS"],
    [/^(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/m, "use an object `as const`"],
    [
      /^export\s+default\b/m,
      "named exports only; the engine calls the one of main.ts",
      /^firmware\/main\.ts$/,
    ],
    [/\b(?:TextEncoder|TextDecoder|structuredClone|Promise\.withResolvers)\b/, "XS does not have it"],
    [
      /(?<![.\w"'`])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\(/,
      "time comes from the injected clock",
      /^firmware\/platform\//,
    ],
    [/\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(/, "time and chance are injected"],
    [/\bconsole\.\w+\(/, "lines go to Platform.log", /^firmware\/platform\//],
  ];

  for (const [pattern, reason, except] of BANS) {
    it(`${pattern}: ${reason}`, () => {
      const found = FIRMWARE.filter((file) => !except?.test(file)).flatMap((file) => {
        const match = pattern.exec(codeOf(file));
        return match ? [`${file}: ${match[0].trim()}`] : [];
      });
      assert.deepEqual(found, []);
    });
  }

  it("the bans find what they ban", () => {
    const samples = [
      "let count = 0;",
      "export const seen: Set<number> = new Set();",
      "  #hidden = 1;",
      "enum Kind {",
      "export default main;",
      "new TextEncoder()",
      "  setTimeout(f, 1)",
      "Date.now()",
      "console.log(1)",
    ];
    for (const [index, sample] of samples.entries()) assert.match(sample, BANS[index]![0]);
    assert.doesNotMatch("  let count = 0;", BANS[0]![0]);
    assert.doesNotMatch("export const NAMES = new Uint8Array(2);", BANS[1]![0]);
  });
});

describe("architecture: names of files", () => {
  /** Kebab-case, with the kind of file after dots; scenarios of MicroPython keep its names. */
  const NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|d))?\.(ts|mjs)$/;
  const MICROPYTHON = /^host-tests\/multi\/(aioble|bluetooth)\/[a-z0-9_]+\.test\.ts$/;

  it("are kebab-case", () => {
    const folders = ["boards", "examples", "firmware", "host-tests", "simulator", "tools"];
    const wrong = folders
      .flatMap((folder) =>
        readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map(
          (name) => `${folder}/${name}`,
        ),
      )
      .filter((path) => /\.(ts|mjs)$/.test(path) && !path.includes("/node_modules/"))
      .filter((path) => !NAME.test(path.slice(path.lastIndexOf("/") + 1)) && !MICROPYTHON.test(path));
    assert.deepEqual(wrong, []);
  });

  it("the rule refuses other styles", () => {
    for (const name of ["a.ts", "own-address.test.ts", "ble-host.d.ts", "le-2m.mjs"])
      assert.match(name, NAME);
    for (const name of ["realClock.ts", "H4.ts", "own_address.ts", "-a.ts"]) assert.doesNotMatch(name, NAME);
  });
});
