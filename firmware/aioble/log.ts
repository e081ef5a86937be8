/** Lines of the application among those of the stack, with the same levels (`config({ logLevel })`). */
import type { Host } from "../ble/host.ts";

/** What `print` would show: strings as they are, the rest as text. */
type Line = (...values: readonly unknown[]) => void;

/** The functions `logError`, `logWarn` and `logInfo`. */
export function createLog(host: Host): { logError: Line; logWarn: Line; logInfo: Line } {
  const text = (mark: string, values: readonly unknown[]) =>
    `[aioble] ${mark}: ${values.map(String).join(" ")}`;
  return {
    logError: (...values) => host.log("error", text("E", values)),
    logWarn: (...values) => host.log("warning", text("W", values)),
    logInfo: (...values) => host.log("info", text("I", values)),
  };
}
