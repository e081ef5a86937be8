import { log } from "./log.js";

log.push("used is evaluated");
export function used(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end) {}
  return log.join(", ");
}
log.push("whole");
