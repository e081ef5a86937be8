/** btsnoop files of the camera's HCI traffic, judged by tshark. */
import { execFile } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { btsnoopHeader, btsnoopRecord } from "../../firmware/ble/hci/btsnoop.ts";
import type { Direction } from "../../firmware/ble/hci/tap.ts";

/** Appends packets to a btsnoop file. */
export class BtsnoopWriter {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, btsnoopHeader());
  }

  /** `packet` with its H4 type byte. */
  write(packet: Uint8Array, direction: Direction): void {
    appendFileSync(this.path, btsnoopRecord(direction, packet, Date.now()));
  }
}

/** What tshark made of a btsnoop file. */
export interface Decoded {
  readonly packets: number;
  /** How many packets held each protocol: "bthci_evt", "btl2cap", "btatt", … */
  readonly protocols: Readonly<Record<string, number>>;
}

/**
 * Lets tshark decode the file.
 * @throws Error that names the packets which tshark calls malformed, or when there is no packet at all.
 */
export async function assertDecodes(path: string): Promise<Decoded> {
  const fields = ["frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.message"];
  const { stdout } = await promisify(execFile)(
    "tshark",
    ["-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])],
    { maxBuffer: 1 << 28, env: { ...process.env, HOME: process.env.HOME ?? "/" } },
  );
  const rows = stdout.split("\n").filter((row) => row !== "");
  const protocols: Record<string, number> = {};
  const malformed: string[] = [];
  for (const row of rows) {
    const [number, stack = "", malformedMark = "", message = ""] = row.split("\t");
    if (malformedMark !== "" || stack.includes("_ws.malformed"))
      malformed.push(`packet ${number}: ${stack} ${message}`);
    for (const protocol of new Set(stack.split(":"))) protocols[protocol] = (protocols[protocol] ?? 0) + 1;
  }
  if (rows.length === 0) throw new Error(`${path} holds no packets`);
  if (malformed.length > 0)
    throw new Error(`${path}: tshark finds malformed packets\n${malformed.join("\n")}`);
  return { packets: rows.length, protocols };
}
