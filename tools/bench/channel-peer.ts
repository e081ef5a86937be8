/** The other end of the credit-based channel that the bench measures. */
import { aclPacket, type BenchController, completedPackets, le16, type SentPdu } from "./controller.ts";
import { CHANNEL_CREDITS, CHANNEL_MPS, CHANNEL_REPETITIONS, CHANNEL_WARM_UP, SDU_LENGTH } from "./script.ts";

/** The signalling channel, and the peer's end of the channel that is measured. */
export const SIGNALING = 0x0005;
export const PEER_CID = 0x0050;

/** The peer's end of a channel. */
export class ChannelPeer {
  private readonly controller: BenchController;
  private readonly handle: number;
  private readonly cid: number;
  /** Frames that the camera takes. */
  private credits = CHANNEL_CREDITS;

  constructor(controller: BenchController, handle: number, cid: number) {
    this.controller = controller;
    this.handle = handle;
    this.cid = cid;
  }

  /** Sends SDUs; returns how many seconds those took that are measured. */
  async fill(): Promise<number> {
    const sdu = [...le16(SDU_LENGTH), ...new Array<number>(SDU_LENGTH).fill(0x5a)];
    const frames: number[][] = [];
    for (let at = 0; at < sdu.length; at += CHANNEL_MPS) frames.push(sdu.slice(at, at + CHANNEL_MPS));
    let start = 0;
    for (let count = 0; count < CHANNEL_WARM_UP + CHANNEL_REPETITIONS; count++) {
      if (count === CHANNEL_WARM_UP) start = performance.now();
      for (const frame of frames) await this.send(frame);
    }
    return (performance.now() - start) / 1000;
  }

  private async send(frame: readonly number[]): Promise<void> {
    while (this.credits === 0) this.hear(await this.controller.next());
    this.controller.send(aclPacket(this.handle, frame, this.cid));
    this.credits--;
  }

  private hear(sent: SentPdu): void {
    this.controller.send(completedPackets(1, this.handle));
    this.take(sent);
  }

  /** Returns how many bytes of the channel came. */
  private take({ channel, pdu }: SentPdu): number {
    if (channel !== SIGNALING) return pdu.length;
    if (pdu[0] !== 0x16) throw new Error("the camera did not send credits");
    this.credits += pdu[6]! | (pdu[7]! << 8);
    return 0;
  }

  /**
   * Asks for SDUs, each by one of a single byte; returns how many seconds those took that are measured. The controller
   * completes the packets of an SDU when all have come: how many it had completed while the camera still sends would be up
   * to the computer.
   */
  async drain(): Promise<number> {
    let start = 0;
    for (let count = 0; count < CHANNEL_WARM_UP + CHANNEL_REPETITIONS; count++) {
      if (count === CHANNEL_WARM_UP) start = performance.now();
      await this.send([...le16(1), 0]);
      let packets = 0;
      for (let received = 0; received < 2 + SDU_LENGTH; packets++) {
        received += this.take(await this.controller.next());
      }
      this.controller.send(completedPackets(packets, this.handle));
    }
    return (performance.now() - start) / 1000;
  }

  close(): void {
    const end = [...le16(this.cid), ...le16(PEER_CID)];
    this.controller.send(aclPacket(this.handle, [0x06, 2, ...le16(end.length), ...end], SIGNALING));
  }
}
