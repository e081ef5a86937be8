/**
 * Puts the values of constants where they are used. To the engine a name of another module is a variable that each
 * function keeps a list of, and `ATT.ERROR` a look-up of a property besides: a thousand instructions, and space in
 * flash for the list, the property and its name.
 */
import { analyze, type Reference, type Variable } from "eslint-scope";
import { parseAst } from "rollup/parseAst";
import type { Replacement } from "./origins.ts";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  range?: [number, number];
  [field: string]: unknown;
}

/** Replaces the uses of a module's constants: numbers and booleans, alone or in an object that nothing can change. */
export function inlineConstants(code: string): string {
  return constantUses(code).reduceRight(
    (text, { start, end, text: value }) => text.slice(0, start) + value + text.slice(end),
    code,
  );
}

/** What `inlineConstants` replaces by what, in the order of the text. */
export function constantUses(code: string): Replacement[] {
  const tree = parseAst(code) as unknown as Node;
  const parents = new Map<unknown, Node>();
  link(tree, undefined, parents);
  const scopes = analyze(tree as unknown as Parameters<typeof analyze>[0], {
    ecmaVersion: 2022,
    sourceType: "module",
  });
  const edits = (scopes.globalScope?.childScopes[0]?.variables ?? []).flatMap((variable) =>
    editsOf(variable, code, parents),
  );
  return edits.sort((a, b) => a.start - b.start);
}

/** Gives each node its parent, and the form of its place that the analysis reads. */
function link(value: unknown, parent: Node | undefined, parents: Map<unknown, Node>): void {
  if (typeof value !== "object" || value === null) return;
  const node = value as Node;
  const isNode = typeof node.type === "string";
  if (isNode) {
    node.range = [node.start, node.end];
    if (parent) parents.set(node, parent);
  }
  for (const [field, child] of Object.entries(node)) {
    if (field !== "range") link(child, isNode ? node : parent, parents);
  }
}

function editsOf(variable: Variable, code: string, parents: ReadonlyMap<unknown, Node>): Replacement[] {
  const [definition, ...others] = variable.defs;
  if (definition?.type !== "Variable" || others.length > 0) return [];
  const { kind } = definition.parent as unknown as Node;
  const { id, init } = definition.node as unknown as { id: Node; init?: Node };
  if (kind !== "const" || id.type !== "Identifier" || !init) return [];
  const uses = variable.references.filter((reference) => !reference.init);
  const value = literalOf(init, code);
  if (value !== undefined) return uses.flatMap((use) => editOfUse(use, variable.name, value, parents));
  const table = tableOf(init, code);
  if (table === undefined) return [];
  // Nobody but us knows of a call that it only makes the table.
  const mark =
    init.type === "CallExpression" ? [{ start: init.start, end: init.start, text: "/* @__PURE__ */ " }] : [];
  return uses.every((use) => onlyReads(use, parents))
    ? [...mark, ...editsOfTable(uses, table, parents)]
    : mark;
}

/** The source of a number or a boolean. */
function literalOf({ type, value, operator, argument, start, end }: Node, code: string): string | undefined {
  const isNegative = type === "UnaryExpression" && operator === "-";
  const literal = isNegative ? (argument as Node) : { type, value };
  if (literal.type !== "Literal") return undefined;
  const known = typeof literal.value === "number" || (typeof literal.value === "boolean" && !isNegative);
  return known ? code.slice(start, end) : undefined;
}

/** The values of an object, frozen or not, that holds nothing else. */
function tableOf(init: Node, code: string): ReadonlyMap<string, string> | undefined {
  let object = init;
  if (init.type === "CallExpression") {
    const { callee, arguments: given } = init as unknown as { callee: Node; arguments: Node[] };
    if (code.slice(callee.start, callee.end) !== "Object.freeze" || given.length !== 1) return undefined;
    object = given[0]!;
  }
  if (object.type !== "ObjectExpression") return undefined;
  const table = new Map<string, string>();
  for (const property of object.properties as Node[]) {
    if (property.type !== "Property" || property.computed || property.kind !== "init") return undefined;
    const { name, value: text } = property.key as { name?: string; value?: unknown };
    const value = literalOf(property.value as Node, code);
    if (value === undefined || name === "__proto__" || text === "__proto__") return undefined;
    table.set(name ?? String(text), value);
  }
  return table;
}

/** Whether the use is `name.property` or `name[index]`, and the property is not written, deleted or called. */
function onlyReads({ identifier }: Reference, parents: ReadonlyMap<unknown, Node>): boolean {
  const member = parents.get(identifier);
  if (member?.type !== "MemberExpression" || member.object !== identifier) return false;
  const around = parents.get(member)!;
  switch (around.type) {
    case "AssignmentExpression":
    case "AssignmentPattern":
      return around.right === member;
    case "ForInStatement":
    case "ForOfStatement":
      return around.left !== member;
    case "Property":
      return parents.get(around)?.type !== "ObjectPattern" || around.key === member;
    case "CallExpression":
    case "NewExpression":
      return around.callee !== member;
    case "UnaryExpression":
      return around.operator !== "delete";
    case "ArrayPattern":
    case "RestElement":
    case "TaggedTemplateExpression":
    case "UpdateExpression":
      return false;
    default:
      return true;
  }
}

function editsOfTable(
  uses: readonly Reference[],
  table: ReadonlyMap<string, string>,
  parents: ReadonlyMap<unknown, Node>,
): Replacement[] {
  return uses.flatMap(({ identifier }) => {
    const member = parents.get(identifier)!;
    const value = member.computed ? undefined : table.get(String((member.property as Node).name));
    return value === undefined
      ? []
      : [{ start: member.start, end: member.end, text: enclosed(value, member, parents) }];
  });
}

function editOfUse(
  { identifier }: Reference,
  name: string,
  value: string,
  parents: ReadonlyMap<unknown, Node>,
): Replacement[] {
  const use = identifier as unknown as Node;
  const around = parents.get(identifier)!;
  // Others import the name.
  if (around.type === "ExportSpecifier") return [];
  const text = enclosed(value, use, parents);
  // { name } is { name: name }.
  const isShort = around.type === "Property" && around.shorthand === true;
  return [{ start: use.start, end: use.end, text: isShort ? `${name}: ${text}` : text }];
}

/** `-1 ** 2` and `1.toFixed()` are not what they would stand for. */
function enclosed(value: string, use: Node, parents: ReadonlyMap<unknown, Node>): string {
  const around = parents.get(use)!;
  const isObject = around.type === "MemberExpression" && around.object === use;
  return isObject || value.startsWith("-") ? `(${value})` : value;
}
