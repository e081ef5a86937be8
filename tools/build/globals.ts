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

/** Gives each node the form of its place that the analysis reads, and collects the names behind `typeof`. */
function prepare(value: unknown, asked: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  const node = value as Node & { operator?: string; argument?: { type: string; name?: string } };
  if (typeof node.type === "string") {
    node.range = [node.start, node.end];
    if (node.type === "UnaryExpression" && node.operator === "typeof" && node.argument?.name) {
      asked.add(node.argument.name);
    }
  }
  for (const [key, child] of Object.entries(value)) if (key !== "range") prepare(child, asked);
}

/** The global names that a module uses and a camera lacks. One that it asks for by `typeof` it can do without. */
export function missingNames(kind: BundleKind, ast: object): string[] {
  const tree = structuredClone(ast) as Parameters<typeof analyze>[0];
  // Rollup tells of eval by itself, with the line.
  const known = new Set([...globalNames(kind), "eval"]);
  prepare(tree, known);
  const { globalScope } = analyze(tree, { ecmaVersion: 2022, sourceType: "module" });
  const used = new Set<string>(globalScope?.through.map(({ identifier }) => String(identifier.name)));
  return [...used].filter((name) => !known.has(name)).sort();
}

/** Rollup plugin that refuses modules which use what a camera lacks. */
export function globalsRule(kind: BundleKind): Plugin {
  return {
    name: "globals-rule",
    moduleParsed({ id, ast }) {
      const missing = ast ? missingNames(kind, ast) : [];
      if (missing.length === 0) return;
      const names = new Intl.ListFormat("en").format(missing);
      throw new ToolError(`${displayPath(id)} uses ${names}: a camera has no such global.`);
    },
  };
}
