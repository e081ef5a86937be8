/** What must hold after each round, and over the whole run. */
import type { Wish } from "./plan.ts";
import type { CameraReport } from "./script.ts";

/** How far a central got before it vanished, in this order. */
const STAGES = [
  "starting",
  "waiting",
  "scanning",
  "connecting",
  "connected",
  "discovering",
  "subscribing",
  "ready",
] as const;

/** What one central saw in a round, as centrals.py reports it. */
export interface Seen {
  readonly stage: (typeof STAGES)[number];
  readonly mtu: number;
  readonly sent: number;
  readonly answered: number;
  /** Every notification, in hexadecimal digits, by the UUID of its characteristic. */
  readonly received: Readonly<Record<string, readonly string[]>>;
}

const reached = ({ stage }: Seen, least: Seen["stage"]): boolean =>
  STAGES.indexOf(stage) >= STAGES.indexOf(least);

/**
 * Whether the application must have had its connection: one that vanishes before the camera has heard of it is not handed
 * out.
 */
export const wasServed = (seen: Seen): boolean => reached(seen, "subscribing");

/** The number that a notification of a stream carries. */
const numberIn = (value: string): number => Buffer.from(value, "hex").readUInt32LE();

function findingsOfMember(name: string, wish: Wish, seen: Seen): string[] {
  const findings: string[] = [];
  if (!wish.early && seen.stage !== "ready") findings.push(`${name} was ${seen.stage} when it vanished`);
  for (const [uuid, values] of Object.entries(seen.received)) {
    if (!wish.subscribe.includes(uuid.toLowerCase())) {
      findings.push(`${name} received a value of ${uuid}, which it had not subscribed to: ${values[0]}`);
      continue;
    }
    const wrong = values.find(
      (value, at) => value.length !== 8 || (at > 0 && numberIn(value) !== numberIn(values[at - 1]!) + 1),
    );
    if (wrong !== undefined) findings.push(`${name} missed or got twice something before ${uuid} ${wrong}`);
  }
  return findings;
}

/** What is wrong with one round; empty when nothing is. */
export function findingsOfRound(
  wishes: readonly Wish[],
  seen: readonly Seen[],
  before: CameraReport,
  after: CameraReport,
): string[] {
  const findings = wishes.flatMap((wish, index) => findingsOfMember(`central ${index}`, wish, seen[index]!));
  const connections = after.connections - before.connections;
  const least = seen.filter(wasServed).length;
  const most = seen.filter((one) => reached(one, "connecting")).length;
  if (connections < least || connections > most) {
    findings.push(`the camera had ${connections} connections, and should have had ${least} to ${most}`);
  }
  const orders = after.orders - before.orders;
  const sum = (pick: (one: Seen) => number): number => seen.reduce((total, one) => total + pick(one), 0);
  const [answered, sent] = [sum((one) => one.answered), sum((one) => one.sent)];
  if (orders < answered || orders > sent) {
    findings.push(`the camera took ${orders} orders of ${sent} that were sent, and answered ${answered}`);
  }
  return findings;
}
