/** Bounds of what one value becomes: a console line is for reading, and its text takes memory. */
const limits = Object.freeze({ depth: 2, entries: 20, text: 200, bytes: 64, errors: 4 });

interface Nesting {
  readonly depth: number;
  /** The objects that the value is inside of. */
  readonly path: readonly object[];
}

/**
 * A value as readable text. Strings stay as they are at the top and are quoted inside objects, bytes are
 * hexadecimal, errors carry their stack and causes, objects are shown two levels deep and bounded in length.
 * Getters are not called. Never throws, whatever the value does.
 */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : formatInner(value);
}

/** As `formatValue`, but for strings, which are quoted as inside of an object. */
export function formatInner(value: unknown): string {
  try {
    return formatNested(value, { depth: 0, path: [] });
  } catch {
    return "[unprintable]";
  }
}

function formatNested(value: unknown, nesting: Nesting): string {
  switch (typeof value) {
    case "string":
      return value.length > limits.text
        ? `${JSON.stringify(value.slice(0, limits.text))}… ${value.length - limits.text} more`
        : JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return `[function ${value.name || "(anonymous)"}]`;
    case "object":
      return value === null ? "null" : formatObject(value, nesting);
    default:
      return String(value);
  }
}

function formatObject(object: object, nesting: Nesting): string {
  if (nesting.path.includes(object)) return "[circular]";
  if (object instanceof Error) return formatError(object, nesting);
  if (object instanceof Uint8Array) return formatBytes("Uint8Array", object);
  if (object instanceof ArrayBuffer) return formatBytes("ArrayBuffer", new Uint8Array(object));
  if (object instanceof DataView) {
    return formatBytes("DataView", new Uint8Array(object.buffer, object.byteOffset, object.byteLength));
  }
  if (object instanceof Date) return Number.isNaN(object.getTime()) ? "Invalid Date" : object.toISOString();

  const name = className(object);
  const isList = Array.isArray(object) || ArrayBuffer.isView(object);
  if (nesting.depth >= limits.depth) return isList ? `[${name}]` : `[${name || "object"}]`;
  const inner = { depth: nesting.depth + 1, path: [...nesting.path, object] };

  if (isList) {
    const list = object as ArrayLike<unknown>;
    const shown = Math.min(list.length, limits.entries);
    const items: string[] = [];
    for (let i = 0; i < shown; i++) items.push(formatNested(list[i], inner));
    const prefix = Array.isArray(object) ? "" : `${name}(${list.length}) `;
    return prefix + wrap("[", items, list.length - shown, "]");
  }
  if (object instanceof Map) {
    const items: string[] = [];
    Map.prototype.forEach.call(object, (value, key) => {
      if (items.length < limits.entries) {
        items.push(`${formatNested(key, inner)} => ${formatNested(value, inner)}`);
      }
    });
    return `Map(${object.size}) ${wrap("{", items, object.size - items.length, "}")}`;
  }
  if (object instanceof Set) {
    const items: string[] = [];
    Set.prototype.forEach.call(object, (value) => {
      if (items.length < limits.entries) items.push(formatNested(value, inner));
    });
    return `Set(${object.size}) ${wrap("{", items, object.size - items.length, "}")}`;
  }
  const body = formatProperties(object, inner);
  return name ? `${name} ${body}` : body;
}

function formatProperties(object: object, inner: Nesting): string {
  const keys = Object.keys(object);
  const items: string[] = [];
  for (const key of keys.slice(0, limits.entries)) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    const value = property && "value" in property ? formatNested(property.value, inner) : "[getter]";
    items.push(`${key}: ${value}`);
  }
  return wrap("{", items, keys.length - items.length, "}");
}

/** Where an error comes from: its stack, its causes, its errors. Lines with a line feed before each; never throws. */
export function formatOrigin(error: Error): string {
  try {
    return origin(error, { depth: 0, path: [] });
  } catch {
    return "";
  }
}

/** The engine's stack begins with the name and message of the time of construction; these are the present ones. */
function formatError(error: Error, nesting: Nesting): string {
  const title = error.message ? `${error.name}: ${error.message}` : String(error.name);
  return title + origin(error, nesting);
}

function origin(error: Error, nesting: Nesting): string {
  const stack = typeof error.stack === "string" ? error.stack : "";
  let frames = stack.indexOf("\n    at ");
  if (frames < 0) frames = stack.indexOf("\n at ");
  let text = frames >= 0 ? stack.slice(frames) : "";

  const inner = { depth: nesting.depth, path: [...nesting.path, error] };
  if (Object.keys(error).length > 0) text += ` ${formatProperties(error, { ...inner, depth: limits.depth })}`;
  if (inner.path.length > limits.errors) return text;
  for (const name of ["cause", "error", "suppressed"]) {
    const related = Object.getOwnPropertyDescriptor(error, name);
    if (related && !related.enumerable && "value" in related) {
      text += `\n[${name}] ${formatNested(related.value, inner)}`;
    }
  }
  const errors = Object.getOwnPropertyDescriptor(error, "errors")?.value;
  if (Array.isArray(errors)) {
    for (const each of errors.slice(0, limits.entries)) text += `\n[errors] ${formatNested(each, inner)}`;
  }
  return text;
}

function formatBytes(name: string, bytes: Uint8Array): string {
  const shown = Math.min(bytes.length, limits.bytes);
  let text = `${name}(${bytes.length})`;
  for (let i = 0; i < shown; i++) text += ` ${bytes[i]!.toString(16).padStart(2, "0")}`;
  return bytes.length > shown ? `${text} … ${bytes.length - shown} more` : text;
}

/** The name of the object's class; empty for plain objects. */
function className(object: object): string {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype) return "";
  const creator = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof creator === "function" ? creator.name : "";
}

function wrap(open: string, items: string[], omitted: number, close: string): string {
  if (omitted > 0) items.push(`… ${omitted} more`);
  return items.length === 0 ? open + close : `${open} ${items.join(", ")} ${close}`;
}
