/** Honest peers: what each must get, whatever the others do. */
import type { Controller } from "../../../host-tests/attacker/controller.ts";
import { att, type Link } from "../../../host-tests/attacker/link.ts";
import type { SeededRandom } from "../../../simulator/random.ts";
import { ToolError } from "../../events.ts";
import { ORDER, SURE, UPLOAD, VALUE } from "./script.ts";

/** Notifications before a peer is content: each newer than the one before; a busy computer may make it miss some. */
export const NOTIFICATIONS = 25;

/** How often a peer orders its indication at most, and how many notifications it waits for one before it orders again. */
export const ORDERS = 10;
export const PATIENCE_NOTIFICATIONS = 100;

/** What was served over a run. */
export interface Served {
  sessions: number;
  notifications: number;
  indications: number;
  /**
   * Orders of an indication that did not come: the queue of captured writes drops its oldest, and an indication is refused
   * that finds the peer's queue full (docs/application.md, "Limits").
   */
  ordersRepeated: number;
  writes: number;
  /** Sessions that began again, because the controller failed in their middle. */
  repeated: number;
}

const UUID_BASE = 16;

/** The characteristic of the management service, as `discover` names it. */
const MANAGEMENT = Number.parseInt("da2e7828fbce4e01ae9e261174997c48", UUID_BASE);

/** The handles of the values, by UUID. */
export async function discover(link: Link): Promise<Map<number, number>> {
  const all = await link.valueHandles();
  return new Map(all.map(({ uuid, handle }) => [Number.parseInt(uuid, UUID_BASE), handle]));
}

function expect(what: boolean, sentence: string): void {
  if (!what) throw new ToolError(`An honest peer was not served: ${sentence}`);
}

/**
 * Orders an indication of `mark` and takes it. The camera may lose an order or refuse its indication while others crowd it,
 * but never stops notifying: who counts those notices a loss without a clock.
 */
export async function takeIndication(
  link: Pick<Link, "write" | "updates">,
  order: number,
  mark: number,
  served: Pick<Served, "ordersRepeated">,
): Promise<void> {
  for (let attempt = 0; attempt < ORDERS; attempt++) {
    if (attempt > 0) served.ordersRepeated++;
    const ordered = await link.write(order, Buffer.from([1, mark]));
    expect(ordered[0] === att.writeResponse, `an order was answered ${ordered.toString("hex")}`);
    for (let others = 0; others < PATIENCE_NOTIFICATIONS; others++) {
      const update = await link.updates.take("the indication that was ordered, or a notification");
      if (update[0] === att.indication && update[3] === mark) return;
    }
  }
  throw new ToolError(`An honest peer was not served: ${ORDERS} orders of an indication brought none`);
}

/** One session over this link: reads, writes short and long, takes indications and confirms. */
async function session(link: Link, random: SeededRandom, served: Served): Promise<void> {
  await link.exchangeMtu(247);
  const handles = await discover(link);
  const handleOf = (uuid: number): number => handles.get(uuid) ?? 0;
  const value = await link.read(handleOf(VALUE));
  expect(value[0] === att.readResponse, `a read was answered ${value.toString("hex")}`);
  const short = await link.write(handleOf(UPLOAD), random.bytes(1 + random.below(200)));
  expect(short[0] === att.writeResponse, `a write was answered ${short.toString("hex")}`);
  for (let part = 0; part < 3; part++) {
    const answer = await link.prepare(handleOf(UPLOAD), part * 100, random.bytes(100));
    expect(answer[0] === att.prepareWriteResponse, `Prepare Write was answered ${answer.toString("hex")}`);
  }
  const executed = await link.request("18 01");
  expect(executed[0] === att.executeWriteResponse, `Execute Write was answered ${executed.toString("hex")}`);
  served.writes += 2;
  await link.subscribe(handleOf(VALUE) + 1);
  let before: number | undefined;
  for (let count = 0; count < NOTIFICATIONS; count++) {
    const pdu = await link.updates.takeWhere((update) => update[0] === att.notification, "a notification");
    const number = pdu.readUInt32LE(3);
    expect(before === undefined || number > before, `value ${number} followed ${before}`);
    before = number;
    served.notifications++;
  }
  await link.subscribe(handleOf(SURE) + 1, 2);
  await takeIndication(link, handleOf(ORDER), random.below(256), served);
  served.indications++;
}

/**
 * Does everything by which an application keeps a connection that has ended: a write that nobody has waited for, one that a
 * loop has taken. Whoever did so last, in several rounds several, would count otherwise. So would the first of all who writes to
 * the management service, by which its server is made, which stays.
 */
export async function leaveTraces(link: Link, handles: ReadonlyMap<number, number>): Promise<void> {
  link.writeCommand(handles.get(MANAGEMENT) ?? 0, Buffer.from([0]));
  for (const uuid of [UPLOAD, ORDER]) {
    const answer = await link.write(handles.get(uuid) ?? 0, Buffer.from([0]));
    expect(answer[0] === att.writeResponse, `a write was answered ${answer.toString("hex")}`);
  }
}

/** Comes until one session was whole. @throws ToolError when it is not served. */
export async function completeSession(
  controller: Controller,
  peer: number,
  random: SeededRandom,
  served: Served,
): Promise<void> {
  for (;;) {
    const link = await controller.connectWhenHeard({ peer });
    try {
      await session(link, random, served);
      served.sessions++;
      link.end(0x13);
      return;
    } catch (error) {
      // The camera may end links of peers that do nothing, and this one does.
      const isLost = !link.isOpen && (await link.gone) === 0;
      if (!isLost) throw error;
      served.repeated++;
    }
  }
}
