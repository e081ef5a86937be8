/** `obscura doctor`, which runs before anything is installed: its arguments, its help and its printers. */
import { doctor, purposes } from "./doctor.mjs";

/** What `obscura doctor --help` prints. */
export const doctorHelp = `Usage: obscura doctor [options]

list what is installed, what is missing for which purpose, and how to get it; installs nothing

Options:
  --json      print findings as JSON, one a line
  -h, --help  display help for command

Exit status: 0 when ${purposes[0].purpose} has all that it needs, 1 when something of it is missing, 2 for a mistake on
the command line.
`;

/**
 * Returns the exit status.
 * @param {readonly string[]} args
 */
export async function runDoctor(args) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(doctorHelp);
    return 0;
  }
  const unknown = args.find((arg) => arg !== "--json");
  if (unknown !== undefined) {
    process.stderr.write(`obscura: unknown option '${unknown}'. Options: --json, --help.\n`);
    return 2;
  }
  const render = args.includes("--json") ? jsonRenderer() : textRenderer();
  const operation = doctor();
  for (;;) {
    const next = await operation.next();
    if (!next.done) {
      render(next.value);
      continue;
    }
    if (!args.includes("--json")) {
      const verdict = next.value ? "has all that it needs" : "lacks something";
      process.stdout.write(`\n${purposes[0].purpose} ${verdict}.\n`);
    }
    return next.value ? 0 : 1;
  }
}

/** @returns {(finding: import("./doctor.mjs").Finding) => void} */
function jsonRenderer() {
  return (finding) => process.stdout.write(`${JSON.stringify(finding)}\n`);
}

/** @returns {(finding: import("./doctor.mjs").Finding) => void} */
function textRenderer() {
  let shown = "";
  return ({ purpose, name, found, remedy }) => {
    if (purpose !== shown) process.stdout.write(`${shown === "" ? "" : "\n"}${purpose}\n`);
    shown = purpose;
    const mark = found === undefined ? "✗" : "✓";
    process.stdout.write(`  ${mark} ${name.padEnd(16)} ${found ?? `missing: ${remedy}`}\n`);
  };
}
