/** Stands between a camera and its controller, and records what passes as a btsnoop file. */
import { appendFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { btsnoopHeader, btsnoopRecord } from "../../firmware/ble/hci/btsnoop.ts";
import { parseHci } from "../camera/command.ts";

/** Where H4 packets carry their length: bytes before it, the indicator included, and its size (Vol 4, Part A, 2). */
const lengthFields: Readonly<Record<number, { readonly at: number; readonly size: 1 | 2 }>> = {
  1: { at: 3, size: 1 },
  2: { at: 3, size: 2 },
  4: { at: 2, size: 1 },
};

/** Cuts the H4 stream into packets; what cannot be a packet is recorded as it came. */
export function createH4Cutter(onPacket: (packet: Buffer) => void): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0);
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    for (;;) {
      const field = lengthFields[pending[0] ?? 0];
      if (pending.length > 0 && field === undefined) {
        onPacket(pending);
        pending = Buffer.alloc(0);
      }
      if (field === undefined || pending.length < field.at + field.size) return;
      const total = field.at + field.size + pending.readUIntLE(field.at, field.size);
      if (pending.length < total) return;
      onPacket(pending.subarray(0, total));
      pending = pending.subarray(total);
    }
  };
}

/** A running recorder. */
export interface Recorder {
  /** What the camera connects to instead of the controller. */
  readonly hci: string;
  stop(): void;
}

/** Starts recording to `file` what passes to and from the controller at `hci`. */
export async function startRecorder(hci: string, file: string): Promise<Recorder> {
  writeFileSync(file, btsnoopHeader());
  const record = (direction: "sent" | "received") =>
    createH4Cutter((packet) => appendFileSync(file, btsnoopRecord(direction, packet, Date.now())));
  const target = parseHci(hci);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (camera) => {
    const controller = connect(target.kind === "tcp" ? { ...target, noDelay: true } : target);
    for (const [from, to, direction] of [
      [camera, controller, "sent"],
      [controller, camera, "received"],
    ] as const) {
      sockets.add(from);
      from.on("data", record(direction));
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the recorder has no port");
  return {
    hci: `tcp:127.0.0.1:${address.port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
