/**
 * Lowers a whole bundle, dependencies included, to what XS 13.3 runs: ES2021, top-level await, and instance
 * fields. The engine has fields of its own and they cost less than defining each one by a call. Static ones it
 * evaluates before the class is usable, so that `static ZERO = new Point()` fails when Point has fields: they move
 * behind the class. And it takes a module for one that awaits only when it finds an `await` outside `for await`, and
 * else crashes in the loop: such a module gets one. Functions whose `return` may be overruled are readied before
 * (returns.ts), as classes are (classes.ts). `using` was lowered before, module by module (disposal.ts).
 */
import type { SourceMapPayload } from "node:module";
import { type TransformFailure, transform } from "esbuild";
import { parseAst } from "rollup/parseAst";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";
import { ClassProblem, classInsertions, type Insertions } from "./classes.ts";
import {
  Lines,
  mapped,
  type Place,
  type Position,
  replaced,
  type Step,
  withReplacements,
} from "./origins.ts";
import { returnInsertions } from "./returns.ts";
import { childrenOf, isFunction, type Node } from "./syntax.ts";

/** Lowered code, and the way back from it. */
export interface Lowered {
  readonly code: string;
  readonly step: Step;
}

/** How to lower. */
export interface Lowering {
  /** Leaves out declarations at the top level that nothing refers to and that do nothing by themselves. */
  readonly dropUnused?: boolean;
  /** Where the code comes from, for errors. */
  readonly placeOf?: (position: Position) => Place | undefined;
}

/** @throws ToolError when the code cannot be lowered, with the place. */
export async function lower(code: string, name: string, options: Lowering = {}): Promise<string> {
  return (await lowerTraced(code, name, options)).code;
}

/** The same, with the way back from what it returns. */
export async function lowerTraced(
  code: string,
  name: string,
  { dropUnused = false, placeOf = () => undefined }: Lowering = {},
): Promise<Lowered> {
  const place = ({ line, column }: Position): string => {
    const found = placeOf({ line, column });
    return found === undefined
      ? `${name}:${line + 1}`
      : `${displayPath(found.file)}:${found.line}:${found.column}`;
  };
  const insertions = insertionsInto(code, name, place);
  const ready = withReplacements(code, insertions.pieces);
  const back = replaced(code, ready, insertions.pieces);
  try {
    const result = await transform(ready, {
      target: "es2021",
      supported: { "class-field": true, "top-level-await": true },
      format: "esm",
      treeShaking: dropUnused,
      legalComments: "none",
      sourcefile: name,
      sourcemap: "external",
      sourcesContent: false,
      logLevel: "silent",
    });
    const toReady = mapped(JSON.parse(result.map) as SourceMapPayload);
    const step: Step = (position) => {
      const at = toReady(position);
      return at && back(at);
    };
    const tree = parseAst(result.code) as unknown as Node;
    const named = withClassNames(result.code, tree, insertions.names);
    return { code: hasLoopThatAwaits(tree) ? `${named}await undefined;\n` : named, step };
  } catch (error) {
    const { errors } = error as TransformFailure;
    if (!Array.isArray(errors)) throw error;
    const lines = errors.map(({ text, location }) => {
      const { line = 1, column = 0 } = location ?? {};
      return `${place(back({ line: line - 1, column })!)}: ${text}`;
    });
    throw new ToolError(`${name} cannot be lowered to what the engine runs`, lines.join("\n"));
  }
}

/** What the code needs before it is lowered. */
function insertionsInto(code: string, name: string, place: (position: Position) => string): Insertions {
  const program = parseAst(code) as unknown as Node;
  try {
    const { pieces, names } = classInsertions(program);
    return { pieces: [...pieces, ...returnInsertions(program)], names };
  } catch (error) {
    if (!(error instanceof ClassProblem)) throw error;
    throw new ToolError(
      `${name} cannot be lowered to what the engine runs`,
      `${place(new Lines(code).positionOf(error.offset))}: ${error.message}`,
    );
  }
}

/** Whether the module itself, not a function in it, has a `for await`. */
function hasLoopThatAwaits(node: Node): boolean {
  if (isFunction(node)) return false;
  if (node.type === "ForOfStatement" && node.await === true) return true;
  return childrenOf(node).some(([, child]) => hasLoopThatAwaits(child));
}

interface Identifier extends Node {
  readonly name: string;
}

interface Declarator {
  readonly id: Identifier;
  readonly init: (Node & { readonly id?: Identifier | null; readonly name?: string }) | null;
}

/**
 * Of a class whose static members refer to it esbuild makes `const _Point = class _Point { … }; let Point = _Point;`.
 * Its name stays that of the source. Nothing else moves, for positions in the bundle lead back to the source.
 * @param numbered names that may have got a number: `const _Point = class _Point { … }; let Point2 = _Point;`
 */
function withClassNames(code: string, tree: unknown, numbered: ReadonlySet<string>): string {
  let text = code;
  for (const body of bodiesOf(tree)) {
    const declarators = body.flatMap((node) =>
      node.type === "VariableDeclaration"
        ? (node as unknown as { declarations: Declarator[] }).declarations
        : [],
    );
    const originals = new Map(
      declarators
        .filter(({ init }) => init?.type === "Identifier")
        .map(({ id, init }) => [(init as unknown as Identifier).name, id.name]),
    );
    for (const { id, init } of declarators) {
      const inner = init?.type === "ClassExpression" ? init.id : undefined;
      const original = originals.get(id.name);
      if (!inner || inner.name !== id.name || original === undefined) continue;
      const name =
        [...numbered].find((one) => isNumbered(original, one) && isNumbered(inner.name, `_${one}`)) ??
        original;
      if (!isNumbered(inner.name, `_${name}`)) continue;
      text = text.slice(0, inner.start) + name.padEnd(inner.name.length) + text.slice(inner.end);
    }
  }
  return text;
}

/** Whether it is the name, perhaps with a number behind it. */
const isNumbered = (text: string, name: string): boolean =>
  text.startsWith(name) && /^\d*$/.test(text.slice(name.length));

/** The lists of statements of a tree. */
function* bodiesOf(value: unknown): Generator<readonly Node[]> {
  if (typeof value !== "object" || value === null) return;
  const { body } = value as { body?: unknown };
  if (Array.isArray(body)) yield body as Node[];
  for (const child of Object.values(value)) yield* bodiesOf(child);
}
