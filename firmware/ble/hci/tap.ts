/** Watches everything that crosses a transport, for traces. */
import type { HciReceiver, HciTransport } from "../../platform/platform.ts";

/** Which way a packet went, seen from the host. */
export type Direction = "sent" | "received";

/** Receives each whole packet, its H4 indicator first, in an array of its own. */
export type PacketSink = (direction: Direction, packet: Uint8Array) => void;

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
      const packet = new Uint8Array(headerLength + end - start);
      packet.set(header.subarray(0, headerLength));
      if (payload) packet.set(payload.subarray(start, end), headerLength);
      sink("sent", packet);
      return true;
    },
    close: () => transport.close(),
  };
}
