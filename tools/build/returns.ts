/**
 * Readies functions whose `return` may not be the last word. XS keeps the value of a `return` even when what comes after it,
 * a `finally` or the end of a `for … of`, throws, breaks or continues, and returns it where the function comes to its end
 * without another `return`. Such a function gets one there.
 */
import type { Replacement } from "./origins.ts";
import { childrenOf, isFunction, type Node } from "./syntax.ts";

/** Whether a `return` with a value stands in what something runs after: a `try` with `finally`, a `for … of`. */
function isOverruled(node: Node, isInside: boolean): boolean {
  if (node.type === "ReturnStatement") return isInside && node.argument !== null;
  return childrenOf(node).some(([field, child]) => {
    if (isFunction(child)) return false;
    const runsAfter =
      (node.type === "TryStatement" && node.finalizer !== null && field !== "finalizer") ||
      (node.type === "ForOfStatement" && field === "body");
    return isOverruled(child, isInside || runsAfter);
  });
}

/** What such functions get at their ends. */
export function returnInsertions(program: Node): Replacement[] {
  const pieces: Replacement[] = [];
  function visit(node: Node): void {
    if (isFunction(node)) {
      const body = node.body as Node;
      const at = body.end - 1;
      if (body.type === "BlockStatement" && isOverruled(body, false)) {
        pieces.push({ start: at, end: at, text: "return;" });
      }
    }
    for (const [, child] of childrenOf(node)) visit(child);
  }
  visit(program);
  return pieces;
}
