/** What the ACL layer keeps of one link: what waits to be sent, what the controller holds, and who waits for either. */
import type { Account } from "../budget.ts";

/** Longest packet whose memory a link keeps for the next PDU that has to wait. */
export const SPARE_MAX = 256;

/** A frame that waits for the controller to take it, or the rest of it. */
export interface QueuedPdu {
  /** The frame behind the header of its first packet; there may be more behind it. */
  packet: Uint8Array;
  /** Length of both. */
  end: number;
  /** Bytes of the frame handed to the controller so far. */
  sent: number;
  /** It waits beyond the link's share. */
  isBeyond: boolean;
  /** Who waits for it: called when it has left, or when the link has ended before. */
  onSent: ((sent: true) => void) | undefined;
  onLost: ((reason: unknown) => void) | undefined;
  next: QueuedPdu | undefined;
}

/** Somebody who waits until the controller has completed what was sent up to then. */
export interface CompletionWait {
  /** Packets to be completed. */
  packets: number;
  readonly callback: () => void;
}

/** Takes what arrives on one link. */
export interface AclReceiver {
  /** The data of one packet: `length` bytes after its header, and its Packet_Boundary_Flag. */
  receive(packet: DataView, boundary: number, length: number): void;
}

/** One connection. Links and what waits on them are linked lists: short, and quicker to walk than what iterates. */
export class AclLink {
  /** PDUs that wait. */
  queued = 0;
  readonly handle: number;
  /** Packets that the controller holds. */
  inController = 0;
  /** It has completed some since whoever watches looked last. */
  hasProgress = false;
  /** Somebody looks whether the controller completes what it holds of this link. */
  isWatched = false;
  /** The controller has completed packets that it did not have. */
  isMiscounted = false;
  /** What it keeps in the host. */
  readonly account: Account;
  /** PDUs that wait beyond its share. */
  beyond = 0;
  receiver: AclReceiver | undefined = undefined;
  first: QueuedPdu | undefined = undefined;
  last: QueuedPdu | undefined = undefined;
  /** One that has left, for the next that has to wait: making it and its packet takes as long as sending it. */
  spare: QueuedPdu | undefined = undefined;
  /** Why the link has ended, for those who wait for what it did not send. */
  lossReason: (() => unknown) | undefined = undefined;
  /** Waits in their order. */
  completions: CompletionWait[] | undefined = undefined;
  /** The next link in line. */
  next: AclLink | undefined = undefined;

  constructor(handle: number, account: Account) {
    this.handle = handle;
    this.account = account;
  }

  /**
   * Calls `onSent` when the PDU that was queued last has left for the controller, at once when none waits; or `onLost`, with
   * what `lossReason` returns, when the link ends before.
   */
  whenSent(onSent: (sent: true) => void, onLost?: (reason: unknown) => void): void {
    const last = this.last;
    if (!last) return onSent(true);
    last.onSent = last.onSent ? both(last.onSent, onSent) : onSent;
    last.onLost = last.onLost && onLost ? both(last.onLost, onLost) : (onLost ?? last.onLost);
  }

  /** Calls `callback` once so many packets are completed. The returned function withdraws the wait. */
  awaitCompletion(packets: number, callback: () => void): () => void {
    const wait = { packets, callback };
    if (packets === 0) callback();
    else if (this.completions) this.completions.push(wait);
    else this.completions = [wait];
    return () => {
      const others = this.completions?.filter((other) => other !== wait);
      this.completions = others && others.length > 0 ? others : undefined;
    };
  }
}

/** For a frame of `packet`. */
export const newPdu = (packet: Uint8Array): QueuedPdu => ({
  packet,
  end: 0,
  sent: 0,
  isBeyond: false,
  onSent: undefined,
  onLost: undefined,
  next: undefined,
});

function both<T>(first: (value: T) => void, second: (value: T) => void): (value: T) => void {
  return (value) => {
    first(value);
    second(value);
  };
}

/** Packets of a link are completed in order, and so are the waits for them. */
export function settleCompletions(link: AclLink, completions: CompletionWait[], done: number): void {
  for (const wait of completions) wait.packets -= done;
  const over = completions.filter((wait) => wait.packets <= 0);
  if (over.length === completions.length) link.completions = undefined;
  else link.completions = completions.slice(over.length);
  for (const wait of over) wait.callback();
}
