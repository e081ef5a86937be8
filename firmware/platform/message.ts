import { formatInner, formatValue } from "./format.ts";

/**
 * The text of a call of the console: its values joined by spaces. When the first is a text with conversions, they take the
 * values behind it, as Node's `util.format` has it: `%s` text, `%d` a number, `%i` and `%f` what `parseInt` and
 * `parseFloat` read, `%j` JSON, `%o` and `%O` a value as it is shown inside of another, `%c` nothing (its value is for
 * browsers), `%%` a percent sign. A conversion that no value is left for stays as it stands, and so does any other.
 */
export function formatMessage(values: readonly unknown[]): string {
  const template = values[0];
  if (typeof template !== "string" || values.length === 1 || !template.includes("%")) {
    return values.map(formatValue).join(" ");
  }
  let next = 1;
  let text = "";
  let end = 0;
  for (let at = template.indexOf("%"); at >= 0; at = template.indexOf("%", end)) {
    text += template.slice(end, at);
    end = at + 2;
    const conversion = template.charAt(at + 1);
    if (conversion === "%") text += "%";
    else if (next < values.length && "sdifjoOc".includes(conversion) && conversion !== "") {
      text += convert(conversion, values[next++]);
    } else text += template.slice(at, end);
  }
  text += template.slice(end);
  return [text, ...values.slice(next).map(formatValue)].join(" ");
}

function convert(conversion: string, value: unknown): string {
  switch (conversion) {
    case "s":
      return textOf(value);
    case "d":
      return numberText(value, Number);
    case "i":
      return numberText(value, (text) => integerOf(String(text)));
    case "f":
      return numberText(value, (text) => Number.parseFloat(String(text)));
    case "j":
      return jsonOf(value);
    case "c":
      return "";
    default:
      return formatInner(value);
  }
}

/** Classes of the language: what they print is shown as values are. */
const OWN_TEXT: readonly unknown[] = [
  Object.prototype.toString,
  Array.prototype.toString,
  Error.prototype.toString,
  Date.prototype.toString,
  RegExp.prototype.toString,
];

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    return typeof value === "function" ? String(value) : formatValue(value);
  }
  try {
    const print = value.toString;
    if (typeof print === "function" && !OWN_TEXT.includes(print)) return String(value);
  } catch {
    // Then it is shown as any other value.
  }
  return formatValue(value);
}

function numberText(value: unknown, read: (value: unknown) => number): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return "NaN";
  try {
    return formatValue(read(value));
  } catch {
    return "NaN";
  }
}

function jsonOf(value: unknown): string {
  try {
    return String(JSON.stringify(value));
  } catch {
    return "[Circular]";
  }
}

/** What `parseInt` makes of a text; the engine's loses the sign of a zero. */
function integerOf(text: string): number {
  const value = Number.parseInt(text, 10);
  return value === 0 && text.trimStart().startsWith("-") ? -0 : value;
}
