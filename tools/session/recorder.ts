/** Stands between a camera and its controller, and records what passes as a btsnoop file. */
import { appendFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { FROM_CONTROLLER, FROM_HOST, H4Framer } from "../../simulator/h4.ts";
import { parseHci } from "../camera/command.ts";
import { checkOutput } from "../output-file.ts";
import { btsnoopHeader, btsnoopRecord } from "../trace/btsnoop.ts";

/** Longest payload that an ACL packet can announce. */
const LONGEST = 0xffff;

/** Cuts the H4 stream into packets; what cannot be a packet is recorded as it came. */
export function createH4Cutter(onPacket: (packet: Uint8Array) => void): (bytes: Uint8Array) => void {
  const framer = new H4Framer([...FROM_HOST, ...FROM_CONTROLLER], onPacket, {
    limit: LONGEST,
    onLost: (rest) => {
      onPacket(rest);
      framer.reset();
    },
  });
  return (bytes) => void framer.push(bytes);
}

/** A running recorder. */
export interface Recorder {
  /** What the camera connects to instead of the controller. */
  readonly hci: string;
  stop(): void;
}

/** @throws UsageError when nothing can be recorded in this file, or something else is there, which stays. */
export const checkRecording = (file: string): void => checkOutput(file, btsnoopHeader());

/** Starts recording to `file` what passes to and from the controller at `hci`. */
export async function startRecorder(hci: string, file: string): Promise<Recorder> {
  checkRecording(file);
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
