/** Watches everything that crosses a transport, for traces. */
import type { HciReceiver, HciTransport } from "../../firmware/platform/platform.ts";

/** Which way a packet went, seen from the host. */
export type Direction = "sent" | "received";

/** Receives each whole packet, its H4 indicator first, in an array of its own. */
export type PacketSink = (direction: Direction, packet: Uint8Array) => void;

const NOTHING = new Uint8Array(0);

/** A transport that behaves as `transport` and shows every packet to `sink`. */
export function tapTransport(transport: HciTransport, sink: PacketSink): HciTransport {
  return {
    open(receiver: HciReceiver): void {
      transport.open({
        onPacket(packet) {
          sink(
            "received",
            new Uint8Array(
              packet.buffer.slice(packet.byteOffset, packet.byteOffset + packet.byteLength) as ArrayBuffer,
            ),
          );
          receiver.onPacket(packet);
        },
        onWritable: () => receiver.onWritable(),
        onFailure: (reason) => receiver.onFailure(reason),
      });
    },
    write(header, headerLength, payload, start = 0, end = payload ? payload.length : 0): boolean {
      if (!transport.write(header, headerLength, payload, start, end)) return false;
      sink("sent", transport.gather(header, headerLength, payload ?? NOTHING, start, end));
      return true;
    },
    gather: (...packet) => transport.gather(...packet),
    close: () => transport.close(),
  };
}
