/** btsnoop files: written as the tools write them, and judged by tshark. */
import { execFile } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { btsnoopHeader, btsnoopRecord } from "../../tools/trace/btsnoop.ts";

/** Appends packets to a btsnoop file. */
export class BtsnoopWriter {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, btsnoopHeader());
  }

  /** `packet` with its H4 type byte. */
  write(packet: Uint8Array, direction: "sent" | "received"): void {
    appendFileSync(this.path, btsnoopRecord(direction, packet, Date.now()));
  }
}

/** What tshark made of a btsnoop file. */
export interface Decoded {
  readonly packets: number;
  /** How many packets held each protocol: "bthci_evt", "btl2cap", "btatt", … */
  readonly protocols: Readonly<Record<string, number>>;
  /** The ATT opcodes that occur. */
  readonly opcodes: ReadonlySet<number>;
  /** The HCI commands that occur. */
  readonly commands: ReadonlySet<number>;
}

/** Wireshark's expert severity "error", and what is above (epan/proto.h). */
const EXPERT_ERROR = 0x00800000;

/**
 * Lets tshark decode the file.
 * @throws Error that names the packets which tshark calls malformed or wrong, or when there is no packet at all.
 */
export async function assertDecodes(path: string): Promise<Decoded> {
  const fields = [
    "frame.number",
    "frame.protocols",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
    "btatt.opcode",
    "bthci_cmd.opcode",
  ];
  const { stdout } = await promisify(execFile)(
    "tshark",
    ["-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])],
    { maxBuffer: 1 << 28, env: { ...process.env, HOME: process.env.HOME ?? "/" } },
  );
  const rows = stdout.split("\n").filter((row) => row !== "");
  const protocols: Record<string, number> = {};
  const [opcodes, commands] = [new Set<number>(), new Set<number>()];
  const wrong: string[] = [];
  for (const row of rows) {
    const [number, stack = "", malformed, severities = "", message, attOpcodes, command] = row.split("\t");
    const isError = severities.split(",").some((severity) => Number(severity) >= EXPERT_ERROR);
    if (malformed !== "" || stack.includes("_ws.malformed") || isError)
      wrong.push(`packet ${number}: ${stack} ${message}`);
    for (const protocol of new Set(stack.split(":"))) protocols[protocol] = (protocols[protocol] ?? 0) + 1;
    for (const opcode of attOpcodes?.split(",") ?? []) if (opcode !== "") opcodes.add(Number(opcode));
    if (command) commands.add(Number(command));
  }
  if (rows.length === 0) throw new Error(`${path} holds no packets`);
  if (wrong.length > 0) throw new Error(`${path}: tshark finds wrong packets\n${wrong.join("\n")}`);
  return { packets: rows.length, protocols, opcodes, commands };
}
