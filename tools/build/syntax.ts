/** The nodes of a parsed program (ESTree), as the steps before lowering walk over them. */

/** A node, and where it stands in the code. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** The nodes directly in a node, each with the field in which it is. */
export function childrenOf(node: Node): [string, Node][] {
  return Object.entries(node).flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child): [string, Node] => [field, child]),
  );
}

export const isFunction = ({ type }: Node): boolean => /Function/.test(type);
