/**
 * The global names that a bundle may use. The type check covers what is written in TypeScript; this covers npm packages
 * too, whose code would meet the gap on the camera only.
 */
import { analyze } from "eslint-scope";
import type { Plugin } from "rollup";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";
import type { BundleKind } from "./imports.ts";

/** What the engine has of the language. */
const languageNames = [
  ...[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
  ],
  ...[
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "Function",
    "Infinity",
  ],
  ...["Int16Array", "Int32Array", "Int8Array", "JSON", "Map", "Math", "NaN", "Number", "Object", "Promise"],
  ...[
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
  ],
  ...[
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
  ],
  ...[
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "globalThis",
    "isFinite",
  ],
  ...["isNaN", "parseFloat", "parseInt", "undefined", "unescape"],
];

/** What firmware/platform/globals.ts adds for an application. */
const applicationNames = [
  ...["AbortController", "AbortSignal", "SuppressedError", "clearInterval", "clearTimeout", "console"],
  ...["setInterval", "setTimeout"],
];

/** The global names of a camera, in the order of the alphabet. */
export function globalNames(kind: BundleKind): readonly string[] {
  return [...languageNames, ...(kind === "application" ? applicationNames : [])].sort();
}

interface Node {
  type: string;
  start: number;
  end: number;
  range?: [number, number];
}

/** The global names of one module. */
export interface NamesUsed {
  /** Those that a camera lacks, in the order of the alphabet. */
  readonly missing: readonly string[];
  /** Those that it asks for: by `typeof name`, by `"name" in globalThis`, or by a try that can fail. */
  readonly asked: ReadonlySet<string>;
}

/** What the walk over a module's tree collects. */
interface Found {
  readonly asked: Set<string>;
  /** Identifiers straight inside a `try` that has a `catch`. */
  readonly tried: Set<unknown>;
}

type Fields = Node & Readonly<Record<string, unknown>>;

/** Gives each node the form of its place that the analysis reads, and collects what the module asks for. */
function prepare(value: unknown, found: Found, isTried = false): void {
  if (typeof value !== "object" || value === null) return;
  const node = value as Fields;
  if (typeof node.type !== "string") {
    for (const child of Object.values(value)) prepare(child, found, isTried);
    return;
  }
  node.range = [node.start, node.end];
  const name = askedName(node);
  if (name !== undefined) found.asked.add(name);
  if (isTried && node.type === "Identifier") found.tried.add(node);
  for (const [key, child] of Object.entries(node)) {
    if (key === "range") continue;
    const isInside = isTried && !/Function/.test(node.type);
    prepare(
      child,
      found,
      isInside || (node.type === "TryStatement" && key === "block" && node.handler != null),
    );
  }
}

/** The name of `typeof name` and of `"name" in globalThis`. */
function askedName({ type, operator, argument, left, right }: Fields): string | undefined {
  if (type === "UnaryExpression" && operator === "typeof") return (argument as { name?: string }).name;
  const isSearch = type === "BinaryExpression" && operator === "in";
  if (!isSearch || (right as { name?: string }).name !== "globalThis") return undefined;
  const { value } = left as { value?: unknown };
  return typeof value === "string" ? value : undefined;
}

/** The global names that a module uses and a camera lacks, and those that it asks for. */
export function namesUsed(kind: BundleKind, ast: object): NamesUsed {
  const tree = structuredClone(ast) as Parameters<typeof analyze>[0];
  const found: Found = { asked: new Set(), tried: new Set() };
  prepare(tree, found);
  // Rollup warns of eval by itself, with the line.
  const known = new Set([...globalNames(kind), "eval"]);
  const { globalScope } = analyze(tree, { ecmaVersion: 2022, sourceType: "module" });
  const used = new Set<string>();
  for (const { identifier } of globalScope?.through ?? []) {
    const name = String(identifier.name);
    if (found.tried.has(identifier)) found.asked.add(name);
    if (!known.has(name)) used.add(name);
  }
  return { missing: [...used].sort(), asked: found.asked };
}

/** The folder of the npm package that a module is part of; empty for the program's own modules. */
function packageOf(id: string): string {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? "";
}

/**
 * Rollup plugin that refuses modules which use what a camera lacks. What a package asks for, in whichever of its
 * modules, it can do without.
 */
export function globalsRule(kind: BundleKind): Plugin {
  const modules = new Map<string, NamesUsed>();
  return {
    name: "globals-rule",
    moduleParsed({ id, ast }) {
      if (ast) modules.set(id, namesUsed(kind, ast));
    },
    buildEnd(error) {
      if (error) return;
      const asked = new Map<string, Set<string>>();
      for (const [id, names] of modules) {
        const all = asked.get(packageOf(id)) ?? new Set();
        for (const name of names.asked) all.add(name);
        asked.set(packageOf(id), all);
      }
      for (const [id, names] of modules) {
        const missing = names.missing.filter((name) => !asked.get(packageOf(id))?.has(name));
        if (missing.length > 0) throw new ToolError(sentence(id, missing));
      }
    },
  };
}

const list = new Intl.ListFormat("en");

function sentence(id: string, missing: readonly string[]): string {
  const remedy =
    packageOf(id) === ""
      ? "Ask `typeof` first, or write what you need."
      : "Take another package, or ask its authors to test for it by `typeof`.";
  return `${displayPath(id)} uses ${list.format(missing)}: a camera has no such global. ${remedy}`;
}
