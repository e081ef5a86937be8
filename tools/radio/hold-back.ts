/** A host that does not read is not listened to either. */
import type { Socket } from "node:net";

/** Bytes that may wait for a host that does not read, beside what one reading of its commands makes. */
export const UNREAD_MAX = 64 * 1024;

/**
 * Returns a function that says whether the host at the other end of the socket takes what it is sent. When it does not, its
 * own bytes are read no more until it has taken everything that waits.
 */
export function holdBack(socket: Socket): () => boolean {
  socket.on("drain", () => socket.resume());
  return () => {
    const takes = socket.writableLength < UNREAD_MAX;
    if (!takes) socket.pause();
    return takes;
  };
}
