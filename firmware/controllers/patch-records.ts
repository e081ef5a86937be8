/** The records of a patch as commands one behind the other, from where the board keeps them to the line. */
import type { AnyCommand } from "../ble/hci/packet.ts";
import type { CommandSeries } from "../ble/hci/series.ts";
import type { PatchSource } from "../platform/platform.ts";

export class PatchRecords implements CommandSeries {
  readonly command: AnyCommand;
  /** The record that is due: where it begins, and which it is; 1 is the first. */
  offset = 0;
  number = 1;
  private readonly patch: PatchSource;
  private readonly count: number;
  /** Bytes of the record that went out last. */
  private sent = 0;

  /**
   * @param command that of each record
   * @param count records, at least one; what follows them is another's
   */
  constructor(command: AnyCommand, patch: PatchSource, count: number) {
    this.command = command;
    this.patch = patch;
    this.count = count;
  }

  send(): boolean {
    this.sent = this.patch.send(this.offset);
    return this.sent > 0;
  }

  next(): boolean {
    this.offset += this.sent;
    return this.number++ < this.count;
  }
}
