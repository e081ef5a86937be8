import { Acl, type AclLink, L2CAP_OFFSET, PDU_OFFSET } from "../../../../firmware/ble/hci/acl.ts";
import type { HciReceiver } from "../../../../firmware/platform/platform.ts";
import { shiftedView } from "../../../support/bytes.ts";
import { completedPackets, ScriptedController } from "../../../support/scripted-controller.ts";

const NOBODY: HciReceiver = { onPacket() {}, onWritable() {}, onFailure() {} };

/** An Acl on a scripted controller that holds so many packets of that length. */
export function setUp(packetLength: number, buffers: number) {
  const controller = new ScriptedController();
  controller.open(NOBODY);
  const log: string[] = [];
  const acl = new Acl({ transport: controller, log: (_, message) => log.push(message) });
  acl.start(packetLength, buffers);
  return { acl, controller, log };
}

/** Sends `payload` on channel 0x0004, the first `inHeader` bytes of it in the header buffer as the layers above do. */
export function send(acl: Acl, link: AclLink, payload: Uint8Array, inHeader = 0): boolean {
  const view = acl.headerView;
  for (let at = 0; at < inHeader; at++) view.setUint8(PDU_OFFSET + at, payload[at]!);
  view.setUint16(L2CAP_OFFSET, payload.length, true);
  view.setUint16(L2CAP_OFFSET + 2, 0x0004, true);
  return acl.send(link, 4 + inHeader, payload, inHeader, payload.length);
}

/** The controller reports packets as completed: handle and count. */
export function complete(acl: Acl, ...entries: [number, number][]): void {
  acl.completed(shiftedView(completedPackets(...entries)));
}

/** Handles of the packets written since the last call, in order. */
export function handles(controller: ScriptedController): number[] {
  return controller.sent.splice(0).map((packet) => (packet[1]! | (packet[2]! << 8)) & 0x0fff);
}
