/** What a part of the firmware keeps: the sizes of all collections that can be reached from it. */

/**
 * Sizes of lists, maps and sets by where they are, those of elements of the same collection added up; empty ones are left out.
 * What only a function's closure knows is not seen.
 * @param besides what is not looked into: the platform below, whose clock and console are the test's
 */
export function keptBy(root: object, besides: readonly unknown[]): Record<string, number> {
  const seen = new Set<unknown>(besides);
  const sizes: Record<string, number> = {};
  const waiting: { readonly path: string; readonly value: unknown }[] = [{ path: "", value: root }];
  for (let at = 0; at < waiting.length; at++) {
    const { path, value } = waiting[at]!;
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) continue;
    seen.add(value);
    const elements = elementsOf(value);
    if (elements) {
      if (elements.length > 0) sizes[path] = (sizes[path] ?? 0) + elements.length;
      for (const element of elements) waiting.push({ path: `${path}[]`, value: element });
      continue;
    }
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(value)))
      waiting.push({ path: `${path}.${name}`, value: property.value });
  }
  return sizes;
}

function elementsOf(value: object): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof Set) return [...value];
  return value instanceof Map ? [...value].flat() : undefined;
}

/** Those of `after` that are more than `before`. */
export function grown(before: Record<string, number>, after: Record<string, number>): Record<string, string> {
  const more = Object.entries(after).filter(([path, size]) => size > (before[path] ?? 0));
  return Object.fromEntries(more.map(([path, size]) => [path, `${before[path] ?? 0} to ${size}`]));
}
