/** H4 (Vol 4, Part A, 2) as attackers read and write it: they share nothing with the simulator. */

/** H4 packet types. */
export const h4 = { command: 1, acl: 2, event: 4 } as const;

/** Position of the length field after the type byte, and its size in bytes. */
const lengthFields: Record<number, { header: number; at: number; size: 1 | 2 } | undefined> = {
  [h4.command]: { header: 3, at: 2, size: 1 },
  [h4.acl]: { header: 4, at: 2, size: 2 },
  [h4.event]: { header: 2, at: 1, size: 1 },
};

/** Cuts a stream into whole packets, type byte included, however finely it was chopped. */
export class H4Splitter {
  private pending = Buffer.alloc(0);

  /** @throws RangeError when a byte that is no packet type stands where a packet must begin. */
  push(bytes: Buffer): Buffer[] {
    this.pending = Buffer.concat([this.pending, bytes]);
    const packets: Buffer[] = [];
    for (;;) {
      const type = this.pending[0];
      if (type === undefined) return packets;
      const field = lengthFields[type];
      if (field === undefined) throw new RangeError(`0x${type.toString(16)} is not an H4 packet type`);
      if (this.pending.length < 1 + field.header) return packets;
      const total = 1 + field.header + this.pending.readUIntLE(1 + field.at, field.size);
      if (this.pending.length < total) return packets;
      packets.push(this.pending.subarray(0, total));
      this.pending = this.pending.subarray(total);
    }
  }
}
