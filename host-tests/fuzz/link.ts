/** A link without a controller: ACL packets in, L2CAP frames out. */
import { Acl, type AclLink } from "../../firmware/ble/hci/acl.ts";
import { L2cap } from "../../firmware/ble/l2cap/l2cap.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import { concat, le16, shiftedView } from "../support/bytes.ts";

const HANDLE = 0x0040;
/** As the host has it: the largest MTU that it offers. */
export const LIMIT = 517;

export interface Sent {
  readonly channel: number;
  readonly payload: Uint8Array;
}

export class FuzzLink {
  readonly sent: Sent[] = [];
  readonly acl: Acl;
  readonly link: AclLink;
  readonly l2cap: L2cap;

  constructor() {
    const write = (
      header: Uint8Array,
      headerLength: number,
      payload: Uint8Array = new Uint8Array(0),
      start = 0,
      end = payload.length,
    ): boolean => {
      const packet = concat(header.subarray(0, headerLength), payload.subarray(start, end));
      const length = packet[5]! | (packet[6]! << 8);
      if (length !== packet.length - 9) throw new Error(`a frame of ${packet.length - 9} says ${length}`);
      this.sent.push({ channel: packet[7]! | (packet[8]! << 8), payload: packet.subarray(9) });
      return true;
    };
    const gather = (
      header: Uint8Array,
      headerLength: number,
      payload: Uint8Array,
      start: number,
      end: number,
    ): Uint8Array => concat(header.subarray(0, headerLength), payload.subarray(start, end));
    this.acl = new Acl({ transport: { open() {}, close() {}, write, gather }, log: () => {} });
    this.acl.start(2000, 1_000_000);
    this.link = this.acl.open(HANDLE);
    this.l2cap = new L2cap(this.acl, this.link, LIMIT, { clock: new VirtualClock(), log: () => {} });
  }

  /** One ACL packet with these Packet_Boundary and Broadcast flags. */
  fragment(flags: number, data: Uint8Array): void {
    this.acl.receive(shiftedView(concat([0x02], le16(HANDLE | (flags << 12)), le16(data.length), data)));
  }

  /** A whole frame. */
  frame(channel: number, payload: Uint8Array): void {
    this.fragment(2, concat(le16(payload.length), le16(channel), payload));
  }

  take(): Sent[] {
    return this.sent.splice(0);
  }
}
