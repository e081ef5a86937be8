/**
 * Readies classes for esbuild's lowering. It keeps what belongs to a class (its private names, its computed keys, the
 * class itself for its static members) in variables of the function around it, of which there is one where a loop, a
 * field's initial value or a parameter's default evaluates the class again and again: an instance of an earlier class
 * then finds the state of the latest. Such a class gets a function of its own.
 */
import type { Replacement } from "./origins.ts";
import { childrenOf, isFunction, type Node } from "./syntax.ts";

/** A class that is evaluated again and again and that lowering cannot keep apart. */
export class ClassProblem extends Error {
  /** Where the class begins in the code. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const SUSPENDS =
  "A class that is evaluated again and again cannot await or yield in its `extends` or its keys: do it before the class, into a variable.";

// Decorators are lowered before the modules are put together, so that nothing can be put around them here.
const DECORATED =
  "A class that is evaluated again and again cannot have decorators: write it into a function, and call that.";

const isClass = ({ type }: Node): boolean => type === "ClassDeclaration" || type === "ClassExpression";
const isLoop = ({ type }: Node): boolean => /^(?:For|While|DoWhile)/.test(type);

const membersOf = (node: Node): readonly Node[] => (node.body as { body: readonly Node[] }).body;

/** Whether esbuild makes variables for the class. */
const needsVariables = (node: Node): boolean =>
  membersOf(node).some(
    ({ type, key, computed, static: isStatic }) =>
      type === "StaticBlock" ||
      (key as Node).type === "PrivateIdentifier" ||
      (type === "PropertyDefinition" && (isStatic === true || computed === true)),
  );

/** Whether `await` or `yield` stands where the class itself is evaluated. */
function suspends(node: Node): boolean {
  if (node.type === "AwaitExpression" || node.type === "YieldExpression") return true;
  return childrenOf(node).some(([field, child]) => {
    if (isFunction(child) || child.type === "StaticBlock") return false;
    if (node.type === "PropertyDefinition" && field === "value") return false;
    return suspends(child);
  });
}

/** Whether it begins what esbuild makes of a class with decorators. */
const startsDecorators = ({ type, callee }: Node): boolean =>
  type === "CallExpression" && /^__decoratorStart\b/.test(String((callee as { name?: string }).name));

/** Whether `node` evaluates this child of it more often than the function is called whose variables esbuild takes. */
function repeats(node: Node, field: string): boolean {
  if (isLoop(node)) return true;
  if (isFunction(node)) return field === "params";
  return node.type === "PropertyDefinition" && field === "value" && node.static !== true;
}

/** What to put into the code before esbuild lowers it. */
export interface Insertions {
  readonly pieces: readonly Replacement[];
  /** The classes that got a function. esbuild numbers their names, because those around the functions are the same. */
  readonly names: ReadonlySet<string>;
}

/**
 * Finds the classes that need a function of their own.
 * @throws ClassProblem for a class that has to have a function of its own and cannot
 */
export function classInsertions(program: Node): Insertions {
  const pieces: Replacement[] = [];
  const names = new Set<string>();
  const wrap = ({ start, end }: Node, before: string, after: string): void => {
    pieces.push({ start, end: start, text: before }, { start: end, end, text: after });
  };

  function visit(node: Node, repeated: boolean): void {
    if (repeated && startsDecorators(node)) throw new ClassProblem(DECORATED, node.start);
    const wrapped = repeated && isClass(node) && needsVariables(node);
    if (wrapped) {
      if (suspends(node)) throw new ClassProblem(SUSPENDS, node.start);
      const name = (node.id as { name: string } | null)?.name;
      if (name !== undefined) names.add(name);
      // esbuild keeps the names of declarations alone.
      if (name === undefined) wrap(node, "((() => ", ")())");
      else if (node.type === "ClassExpression") wrap(node, "((() => { ", ` return ${name}; })())`);
      else wrap(node, `let ${name} = (() => { `, ` return ${name}; })();`);
    }
    const inside = repeated && !wrapped && !isFunction(node);
    for (const [field, child] of childrenOf(node)) visit(child, inside || repeats(node, field));
  }

  visit(program, false);
  return { pieces, names };
}
