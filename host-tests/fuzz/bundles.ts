/**
 * What the camera reads in C of what others wrote: MCUboot's header and TLVs, the manifest in CBOR, the container, DER of a
 * signature, and the slots' state with whatever else stands on flash. bundles.c does it, compiled with sanitizers; its first
 * comment says what packets are. What it takes is held here against Node's cryptography and another library's CBOR.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { decodeFirst } from "cborg";
import type { SeededRandom } from "../../simulator/random.ts";
import { setUp } from "../../tools/setup.mjs";
import { isSignedBy, parseVersion, readSigned, signBody } from "../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey, type SigningKey } from "../../tools/update/keys.ts";
import { makeBody, makeRevocation, readBody } from "../../tools/update/manifest.ts";
import { concat, fromHex } from "../support/bytes.ts";
import { container } from "../unit/update/container.ts";
import { compileDriver, keyCommand } from "../unit/update/verifier.ts";
import type { Target } from "./fuzzer.ts";

/** `enum operation` of bundles.c. */
const OPERATIONS = [
  ...["FRAME", "MANIFEST", "REVOKE", "CONTAINER", "SIGNATURE", "UPLOAD", "SIGNED"],
  ...["FLASH", "STATE", "MARK", "UNMARK", "START", "CONFIRM", "REVERT"],
] as const;
type Operation = (typeof OPERATIONS)[number];
const packetOf = (operation: Operation, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  concat([OPERATIONS.indexOf(operation)], ...parts);

const ROOT_SIGNS = 2;
const HONEST_COUNTER = 9;
const HEADER_BYTES = 32;
const STATE_BYTES = 236;
/** Flash in front of the slots. */
const STATE_AREA = 2 * 4096;

const key = (name: string): SigningKey => readSigningKey(join(import.meta.dirname, "keys", name));
const development = readSigningKey(developmentKeyFile);
const [ecdsa, root] = [key("ecdsa.pem"), key("root.pem")];
const signedText = Buffer.from("what SIGNATURE is held against");

const le = (value: number, size: 2 | 4): number[] =>
  Array.from({ length: size }, (_, at) => (value >>> (8 * at)) & 0xff);
const text = (value: string): number[] => [...Buffer.from(`${value}\0`)];

/**
 * A container that firmware/native/bundle.c reads, but for what it is for and its checksum.
 * @param namesAtEnd the borrowed symbols follow the code, and end where the checksum begins
 */
function wholeContainer(namesAtEnd = false): Uint8Array {
  const name = text("it");
  const own = [...text("it"), ...text("own")];
  const borrowed = [...le(7, 2), ...text("borrowed"), ...le(9, 2), ...text("last")];
  const code = Array.from({ length: 16 }, (_, at) => at + 1);
  const atOwn = 64 + name.length;
  const afterOwn = atOwn + own.length;
  const beforeCode = namesAtEnd ? afterOwn : afterOwn + borrowed.length;
  const atCode = beforeCode + (-beforeCode & 3);
  const afterCode = atCode + code.length;
  const atBorrowed = namesAtEnd ? afterCode : afterOwn;
  const length = (namesAtEnd ? afterCode + borrowed.length : afterCode) + 4;
  const bytes = new Uint8Array(container({ code: length - 64 }));
  bytes.set(le(length, 4), 12);
  bytes.set([...le(100, 2), ...le(2, 2), ...le(2, 2), ...le(64, 2)], 40);
  bytes.set(
    [atOwn, atBorrowed, atCode, code.length].flatMap((value) => le(value, 4)),
    48,
  );
  bytes.set([...name, ...own], 64);
  bytes.set(borrowed, atBorrowed);
  bytes.set(code, atCode);
  return bytes;
}

const bodyOf = (counter: number): Buffer => makeBody(wholeContainer(), "it", { board: "host", counter });
const version = parseVersion("1.0.0");
const fileOf = (counter: number): Buffer => signBody(bodyOf(counter), version, development);
/** Header and body, as what signs it wants them. */
const unsigned = (body: Uint8Array): Buffer =>
  signBody(body, version, development).subarray(0, HEADER_BYTES + body.length);

/** The same with a protected TLV, as imgtool adds it. */
function counted(body: Uint8Array, counter: number): Uint8Array {
  const bytes = concat(unsigned(body), le(0x6908, 2), le(12, 2), le(0x50, 2), le(4, 2), le(counter, 4));
  bytes[10] = 12;
  return bytes;
}

/** A length or a count that is a little off, or an end that comes early: what bounds are there for. */
function warped(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const warp = Uint8Array.from(bytes);
  for (let times = random.below(3); times > 0; times--)
    warp[random.below(warp.length)]! += random.below(2) ? 1 + random.below(4) : -1 - random.below(4);
  return warp.subarray(0, random.below(3) ? warp.length : random.below(warp.length));
}

/** A file that is hardly more than its header and TLVs. */
const smallFile = signBody(Buffer.alloc(4), version, development);

const corpus: string[][] = JSON.parse(
  readFileSync(new URL("./corpus/bundles.json", import.meta.url), "utf8"),
);

/** Of `signedText`, by the key of P-256. It stands in the corpus, as each signature of that kind is another one. */
const signature = corpus
  .flat()
  .map(fromHex)
  .find(([operation]) => OPERATIONS[operation!] === "SIGNATURE")!
  .subarray(1);

function invent(random: SeededRandom): Uint8Array {
  const slot = random.below(2);
  const counter = random.below(2) ? random.below(12) : 1 << random.below(31);
  switch (random.below(16)) {
    case 0:
      return packetOf("FRAME", warped(smallFile, random));
    case 1: {
      const body = bodyOf(counter);
      const at = body.indexOf("counter") + "counter".length;
      const longer = random.below(4) ? [] : [[0x18], [0x19, 0], [0x1a, 0, 0, 0]][random.below(3)]!;
      return packetOf("MANIFEST", warped(concat(body.subarray(0, at), longer, body.subarray(at)), random));
    }
    case 2:
      return random.below(2)
        ? packetOf("REVOKE", warped(makeRevocation(random.bytes(32)), random))
        : packetOf("SIGNATURE", warped(signature, random));
    case 3:
      return packetOf("CONTAINER", [random.below(4)], warped(wholeContainer(random.below(2) > 0), random));
    case 4:
      return packetOf("UPLOAD", [slot], fileOf(counter));
    case 5:
    case 6:
      return packetOf("SIGNED", [random.below(4)], counted(bodyOf(counter), counter));
    case 7: {
      const which = [development, ecdsa, root][random.below(3)]!.publicKey;
      return packetOf("SIGNED", [slot | ROOT_SIGNS], unsigned(makeRevocation(which.hash)));
    }
    case 8:
      return packetOf("FLASH", le(random.below(2) ? random.below(STATE_AREA) : random.below(24_576), 2), [
        ...random.bytes(1 + random.below(20)),
      ]);
    case 9:
    case 10:
      return packetOf(
        "STATE",
        [random.below(4) ? random.below(8) : random.below(STATE_BYTES)],
        Array.from(
          { length: 1 + random.below(3) },
          () => [0, 1, 2, 0xff, random.below(256)][random.below(5)]!,
        ),
      );
    case 11:
      return packetOf("CONFIRM");
    case 12:
      return packetOf(random.below(3) ? "REVERT" : "UNMARK", [random.below(6)]);
    case 13:
    case 14:
      return packetOf("MARK", [slot, random.below(2)]);
    default:
      return packetOf("START", [random.below(7)]);
  }
}

/** What the driver takes must be what it says it is. */
function checkTaken(packet: Uint8Array, word: string): void {
  const bytes = packet.subarray(OPERATIONS[packet[0]!] === "UPLOAD" ? 2 : 1);
  const [what, first, second] = word.split(":");
  if (what === "manifest") {
    // Throws for what has another form than the shortest, or a key twice.
    decodeFirst(bytes, { strict: true, rejectDuplicateMapKeys: true });
  } else if (what === "signature") {
    if (!verify("sha256", signedText, ecdsa.publicKey.key, bytes)) throw new Error("a signature of nobody");
  } else if (OPERATIONS[packet[0]!] === "UPLOAD" && (what === "file" || what === "revocation")) {
    const file = readSigned(bytes.subarray(0, Number(first)));
    const signers = what === "file" ? [development, ecdsa] : [root];
    if (!signers.some(({ publicKey }) => isSignedBy(file, publicKey))) throw new Error("a file of nobody");
    if (what === "revocation") return;
    const body = readBody(file.body);
    if (body.kind !== "application" || body.counter !== Number(second))
      throw new Error(`another counter than ${second}`);
  }
}

class Driver {
  private readonly folder = mkdtempSync(join(tmpdir(), "obscura-bundles-"));
  private readonly process: ChildProcess;
  private readonly answers: AsyncIterator<string>;
  private errors = "";

  constructor() {
    this.process = spawn(compileDriver("fuzz/bundles.c", this.folder), {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.process.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      this.errors += chunk;
    });
    this.process.stdin!.on("error", () => undefined);
    this.answers = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    const secret = ({ privateKey }: SigningKey): string =>
      Buffer.from(privateKey.export({ format: "jwk" }).d!, "base64url").toString("hex");
    this.tell([
      "board host",
      ...[development, ecdsa].map(({ publicKey }) => keyCommand(publicKey)),
      keyCommand(root.publicKey, "root"),
      `secret ${secret(development)}`,
      `root-secret ${secret(root)}`,
      `digest ${createHash("sha256").update(signedText).digest("hex")}`,
      `honest ${fileOf(HONEST_COUNTER).toString("hex")}`,
    ]);
  }

  private tell(lines: readonly string[]): void {
    this.process.stdin!.write(`${lines.join("\n")}\n`);
  }

  /** A word for each packet. @throws with what a sanitizer found, or what does not hold */
  async feed(packets: readonly Uint8Array[]): Promise<string[]> {
    const input = packets.map((packet) => ` ${Buffer.from(packet).toString("hex") || "00"}`);
    this.tell([`input${input.join("")}`]);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`the driver ended\n${this.errors.slice(0, 4000)}`);
    const fault = /fault: (.*)/.exec(value)?.[1];
    if (fault !== undefined) throw new Error(fault);
    return value.trim().split(" ");
  }

  async end(): Promise<void> {
    const isRunning = this.process.exitCode === null && this.process.signalCode === null;
    const exited = isRunning ? once(this.process, "exit") : undefined;
    this.process.stdin!.end();
    await exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let driver: Driver | undefined;
let inputs = 0;
const words = new Set<string>();

/** What bundles.c says of the corpus: were nothing in it whole any more, what is made of it would not get far either. */
const REACHED = [
  ...["-", "confirmed", "container", "file", "flash", "frame", "manifest", "marked"],
  ...["reverted", "revocation", "revoke", "signature", "state", "trial", "unmarked"],
];

export const bundles: Target = {
  corpus,
  begin: async () => {
    await setUp(["native"]);
    driver = new Driver();
    inputs = 0;
    words.clear();
  },
  end: async () => {
    await driver?.end();
    driver = undefined;
  },
  invent,
  run: async (packets) => {
    for (const [at, word] of (await driver!.feed(packets)).entries()) {
      if (packets[at]?.length) checkTaken(packets[at], word);
      words.add(word.split(":")[0]!);
    }
    if (++inputs === corpus.length)
      assert.deepEqual([...words].sort(), REACHED, "the corpus does not reach what it is for");
  },
};
