/** Every public function that takes options is among those that are called with a misspelt one (support/option-calls.ts). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "@babel/core";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { optionCalls } from "../../support/option-calls.ts";

/** The folders of the modules that applications import. */
const MODULES = ["aioble", "bluetooth", "power", "update", "camera"];

/** What is no call with options of ours, and why. */
const NONE: Readonly<Record<string, string>> = {
  "Characteristic.onSubscribe": "a handler of the application",
  "new ServerAttribute": "what extends it says what it takes",
};

/** Interfaces whose functions are the application's. */
const HANDLERS: Readonly<Record<string, true>> = { PairingAgent: true };

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

function sources(folder: string): [path: string, text: string][] {
  return readdirSync(join(root, "firmware", folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path, readFileSync(join(root, "firmware", folder, path), "utf8")]);
}

function parse(text: string): Node[] {
  const file = parseSync(text, {
    configFile: false,
    babelrc: false,
    parserOpts: { plugins: ["typescript"] },
  });
  const { body } = (file as unknown as { program: { body: Node[] } }).program;
  return body.map((node) => {
    const isExport = node.type === "ExportNamedDeclaration" && node.declaration !== null;
    return isExport ? (node.declaration as Node) : node;
  });
}

/** Names that a module exports, of its own or of another file. */
function exported(text: string): Set<string> {
  const names = new Set<string>();
  for (const [, list] of text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)) {
    for (const name of list!.split(",")) names.add(name.replace(/^\s*type\s+/, "").trim());
  }
  for (const [, name] of text.matchAll(/^export (?:declare )?(?:const|class|interface|type) (\w+)/gm))
    names.add(name!);
  return names;
}

/** Whether a parameter is an object of options: by the name of its type, or a literal of properties that may be left out. */
function takesOptions(parameter: Node): boolean {
  const target = parameter.type === "AssignmentPattern" ? (parameter.left as Node) : parameter;
  const annotation = (target.typeAnnotation as Node | undefined)?.typeAnnotation;
  return annotation !== undefined && /"(\w+Options)"|"TSTypeLiteral"/.test(JSON.stringify(annotation));
}

const isPrivate = (member: Node): boolean =>
  member.accessibility === "private" || member.accessibility === "protected";

/** Comments say of members that are public for other files alone: "Not for applications". */
const isInternal = (member: Node): boolean =>
  JSON.stringify(member.leadingComments ?? []).includes("Not for applications");

function callsOf(text: string, isPublic: (name: string) => boolean): string[] {
  const found: string[] = [];
  for (const node of parse(text)) {
    const name = (node.id as { name: string } | undefined)?.name ?? "";
    if (node.type === "TSDeclareFunction") {
      if ((node.params as Node[]).some(takesOptions)) found.push(name);
    }
    if (!isPublic(name)) continue;
    if (node.type === "TSInterfaceDeclaration" && !(name in HANDLERS)) {
      for (const member of (node.body as { body: Node[] }).body) {
        if (member.type !== "TSMethodSignature" || !(member.parameters as Node[]).some(takesOptions))
          continue;
        found.push(`${name}.${(member.key as { name: string }).name}`);
      }
    }
    if (node.type !== "ClassDeclaration") continue;
    for (const member of (node.body as { body: Node[] }).body) {
      const parameters = member.params as Node[] | undefined;
      if (!parameters || isPrivate(member) || isInternal(member) || !parameters.some(takesOptions)) continue;
      const { name: method } = member.key as { name: string };
      found.push(method === "constructor" ? `new ${name}` : `${name}.${method}`);
    }
  }
  return found;
}

describe("calls with options", () => {
  it("are all called with a misspelt one", () => {
    const found: string[] = [];
    for (const module of MODULES) {
      const names = exported(readFileSync(join(root, "firmware", module, "index.ts"), "utf8"));
      for (const [, text] of sources(module)) {
        found.push(...callsOf(text, (name) => names.has(name) || BASES.includes(name)));
      }
    }
    const called = [...new Set(optionCalls.map(({ name }) => name))];
    assert.deepEqual(
      found.filter((name) => !(name in NONE) && !called.includes(name)),
      [],
      "not called in support/option-calls.ts",
    );
    assert.deepEqual(
      called.filter((name) => !found.includes(name)),
      [],
      "called, but not there",
    );
  });
});

/** Classes that are public by those that extend them. */
const BASES = ["ClientValue", "ServerAttribute"];
