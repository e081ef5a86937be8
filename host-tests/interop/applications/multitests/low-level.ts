/** The module `bluetooth` of a camera in a multitest: its events are waited for. */
import { BLE, IRQ_L2CAP_RECV, IRQ_L2CAP_SEND_READY, type IrqEvent } from "bluetooth";
import { checkSdus, sdu } from "./kit.ts";
import { SDU_COUNT, SDU_LENGTH, TIMEOUT_MS } from "./names.ts";

type DataOf<E extends number> = Extract<IrqEvent, [event: E, data: unknown]>[1];

export const ble = new BLE();

/** Switches the radio on and follows what happens, until it is disposed. */
export async function follow(handle: (...event: IrqEvent) => unknown = () => undefined) {
  const fresh: IrqEvent[] = [];
  let wake: () => void = () => undefined;
  ble.irq((...event) => {
    fresh.push(event);
    wake();
    return handle(...event);
  });
  await ble.active(true);
  /** The data of the next event of this kind; those of other kinds stay. */
  async function event<E extends IrqEvent[0]>(kind: E): Promise<DataOf<E>> {
    for (;;) {
      const at = fresh.findIndex(([candidate]) => candidate === kind);
      if (at >= 0) return fresh.splice(at, 1)[0]![1] as DataOf<E>;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no event ${kind}`)), TIMEOUT_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  return {
    event,
    /** Forgets the events that nobody has waited for. */
    clear(): void {
      fresh.length = 0;
    },
    /** Sends over a channel, waiting where the stack says so. */
    async sendSdus(conn: number, cid: number): Promise<void> {
      for (let index = 0; index < SDU_COUNT; index++) {
        if (!ble.l2capSend(conn, cid, sdu(index))) await event(IRQ_L2CAP_SEND_READY);
      }
    },
    /** Receives over a channel, in pieces of an odd size. */
    async receiveSdus(conn: number, cid: number): Promise<void> {
      const buffer = new Uint8Array(50);
      for (let received = 0; received < SDU_COUNT * SDU_LENGTH; ) {
        await event(IRQ_L2CAP_RECV);
        for (let count = -1; count !== 0; received += count) {
          count = ble.l2capRecvinto(conn, cid, buffer);
          checkSdus(received, buffer.subarray(0, count));
        }
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      ble.irq(null);
      await ble.active(false);
    },
  };
}
