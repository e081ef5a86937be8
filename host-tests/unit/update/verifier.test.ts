/** The verifier in C against files of ours and of imgtool, and against everything that is not one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "cborg";
import { after, before, describe, it } from "mocha";
import { SeededRandom } from "../../../simulator/random.ts";
import { clientProgram, root } from "../../../tools/paths.ts";
import { setUp } from "../../../tools/setup.mjs";
import { parseVersion, signBody } from "../../../tools/update/format.ts";
import {
  type Algorithm,
  algorithms,
  developmentKeyFile,
  readSigningKey,
  type SigningKey,
} from "../../../tools/update/keys.ts";
import { makeBody, makeRevocation } from "../../../tools/update/manifest.ts";
import { DEVELOPMENT_ABOUT, readTrustedKeys, trustedKeysSource } from "../../../tools/update/trusted-keys.ts";
import { container } from "./container.ts";
import { fileCommand, keyCommand, Verifier } from "./verifier.ts";

const isAccepted = (line: string): boolean => line.startsWith("ok ");

describe("Verifier in C", function () {
  this.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), "obscura-verify-"));
  const path = (name: string): string => join(folder, name);
  const keyOf = new Map<Algorithm, SigningKey>();
  const version = parseVersion("1.2.3+4");
  const body = makeBody(container(), "it", { board: "host", counter: 7 });
  let verifier: Verifier;

  /** A key pair, as a file. */
  function makeKey(name: string, algorithm: Algorithm): SigningKey {
    const { privateKey } =
      algorithm === "ed25519"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    writeFileSync(path(name), privateKey.export({ type: "pkcs8", format: "pem" }));
    return readSigningKey(path(name));
  }

  before(async () => {
    await setUp(["clients", "native"]);
    verifier = new Verifier();
    for (const algorithm of algorithms) keyOf.set(algorithm, makeKey(algorithm, algorithm));
  });

  after(() => {
    verifier?.dispose();
    rmSync(folder, { recursive: true });
  });

  const publicKeys = () => [...keyOf.values()].map(({ publicKey }) => publicKey);
  const signed = (which: Algorithm = "ed25519", what: Uint8Array = body): Buffer =>
    signBody(what, version, keyOf.get(which)!);
  const verify = (...files: Uint8Array[]): string[] => verifier.ask(publicKeys(), ...files.map(fileCommand));
  /** A body whose manifest is any map. */
  const bodyOf = (map: object): Buffer => {
    const manifest = Buffer.from(encode(map));
    return Buffer.concat([manifest, Buffer.alloc(-manifest.length & 15), container()]);
  };
  const goodMap = {
    format: 1,
    board: "host",
    engine: [1, 2, 3],
    interface: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    counter: 7,
  };

  for (const algorithm of algorithms) {
    describe(`with ${algorithm}`, () => {
      it("accepts what obscura sign and imgtool make", () => {
        const ours = signed(algorithm);
        writeFileSync(path("body"), body);
        const imgtool = (output: string, ...options: string[]): Buffer => {
          execFileSync(clientProgram("imgtool"), [
            ...["sign", "-k", path(algorithm), "--header-size", "32", "--pad-header", "--align", "4"],
            ...["--version", "1.2.3+4", "--slot-size", "262144", ...options, path("body"), path(output)],
          ]);
          return readFileSync(path(output));
        };
        const counted = imgtool("counted", "--security-counter", "7");
        const lines = verify(ours, imgtool("theirs"), counted, imgtool("other", "--security-counter", "8"));
        const inside = `container=${32 + body.length - container().length}+${container().length}`;
        assert.equal(lines[0], `ok length=${ours.length} counter=7 version=1.2.3 ${inside}`);
        assert.ok(isAccepted(lines[1]!), lines[1]);
        assert.equal(lines[2], `ok length=${counted.length} counter=7 version=1.2.3 ${inside}`);
        assert.equal(lines[3], "has two security counters that differ");
      });

      it("accepts the same in slices, and with anything behind the file", () => {
        const file = signed(algorithm);
        const followed = Buffer.concat([file, Buffer.alloc(100, 0xff)]);
        const [whole, sliced, behind] = verifier.ask(
          publicKeys(),
          fileCommand(file),
          "slices 16",
          fileCommand(followed),
        );
        const steps = Math.ceil((32 + body.length) / 16) + 1;
        assert.equal(sliced, `${steps} steps ${whole}`);
        assert.equal(behind, whole);
      });

      it("refuses each bit the other way, and each beginning", () => {
        const file = signed(algorithm);
        const [whole, ...lines] = verifier.ask(publicKeys(), fileCommand(file), "flips", "cuts");
        assert.ok(isAccepted(whole!), whole);
        assert.equal(lines.length, 9 * file.length);
        const accepted = lines.flatMap((line, index) => (isAccepted(line) ? [index] : []));
        assert.deepEqual(accepted, []);
        // Each reason is one that a person can act on.
        for (const line of new Set(lines)) assert.match(line, /^(is|has) /);
      });
    });
  }

  it("refuses a key that it does not trust, and a signature under another key's name", () => {
    const stranger = makeKey("stranger", "ed25519");
    const own = keyOf.get("ed25519")!;
    const posing = { privateKey: stranger.privateKey, publicKey: own.publicKey };
    assert.deepEqual(verify(signBody(body, version, stranger), signBody(body, version, posing)), [
      "is signed with a key that this camera does not trust",
      "has a signature that is not its key's",
    ]);
  });

  it("trusts the development key in an image that names no other", () => {
    const { publicKey } = readSigningKey(developmentKeyFile);
    const source = readFileSync(join(root, "firmware/native/development_keys.h"), "utf8");
    assert.equal(source, trustedKeysSource([publicKey], DEVELOPMENT_ABOUT));
    assert.match(source, /#define TRUSTED_DEVELOPMENT 1\n/);
  });

  it("trusts the keys that an image is built with, and none for release that everybody has", () => {
    const files = ["ed25519", "ecdsa-p256"].map(path);
    const keys = readTrustedKeys(files, true);
    assert.deepEqual(
      keys.map(({ algorithm }) => algorithm),
      ["ed25519", "ecdsa-p256"],
    );
    assert.match(trustedKeysSource(keys, "of a test"), /#define TRUSTED_DEVELOPMENT 0\n/);
    assert.deepEqual(readTrustedKeys([], false), []);
    assert.throws(
      () => readTrustedKeys([], true),
      /An image for release trusts keys of yours: name them with --trust/,
    );
    const withDevelopment = [...files, developmentKeyFile];
    assert.equal(readTrustedKeys(withDevelopment, false).length, 3);
    assert.throws(() => readTrustedKeys(withDevelopment, true), /does not trust the development key/);
    assert.throws(() => readTrustedKeys([files[0]!, files[0]!], false), /Two of these keys are the same/);
    assert.throws(() => readTrustedKeys(Array(5).fill(files[0]), false), /at most 4 keys, and these are 5/);
  });

  it("refuses the signature of one kind for a key of the other", () => {
    const [first, second] = algorithms.map((algorithm) => keyOf.get(algorithm)!);
    const mixed = (a: SigningKey, b: SigningKey): Buffer => {
      const file = signBody(body, version, a);
      const at = file.indexOf(a.publicKey.hash);
      b.publicKey.hash.copy(file, at);
      return file;
    };
    const sentence = "has a signature of another kind than its key's";
    assert.deepEqual(verify(mixed(first!, second!), mixed(second!, first!)), [sentence, sentence]);
  });

  it("says what camera a bundle is for", () => {
    const refusals: readonly [object, string][] = [
      [{ ...goodMap, board: "mps2-an500" }, "is for another board; build it for this one (--board)"],
      [{ ...goodMap, board: "hos" }, "is for another board; build it for this one (--board)"],
      [
        { ...goodMap, engine: [1, 2, 4] },
        "was compiled for another version of the XS engine; build it again",
      ],
      [
        { ...goodMap, interface: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9) },
        "was compiled for another native interface; build it again with this firmware",
      ],
      [
        { ...goodMap, format: 2 },
        "has a manifest that this firmware does not know; build it with this firmware's tools",
      ],
      [
        { ...goodMap, colour: 3 },
        "has a manifest that this firmware does not know; build it with this firmware's tools",
      ],
      [{ ...goodMap, counter: 0x1_0000_0000 }, "has a malformed manifest"],
      [{ ...goodMap, counter: -1 }, "has a malformed manifest"],
      [{ ...goodMap, counter: "7" }, "has a malformed manifest"],
      [{ ...goodMap, engine: [1, 2] }, "has a malformed manifest"],
      [{ ...goodMap, engine: 1 }, "has a malformed manifest"],
      [[1], "has a malformed manifest"],
      ...Object.keys(goodMap).map((key): [object, string] => [
        Object.fromEntries(Object.entries(goodMap).filter(([name]) => name !== key)),
        "has a malformed manifest",
      ]),
    ];
    assert.deepEqual(
      verify(
        signed("ed25519", bodyOf(goodMap)),
        ...refusals.map(([map]) => signed("ed25519", bodyOf(map))),
      ).slice(1),
      refusals.map(([, sentence]) => sentence),
    );
  });

  it("takes counters of every size, in their shortest form only", () => {
    const counters = [0, 23, 24, 255, 256, 65_535, 65_536, 0xffffffff];
    const lines = verify(...counters.map((counter) => signed("ed25519", bodyOf({ ...goodMap, counter }))));
    assert.deepEqual(
      lines.map((line) => Number(/counter=(\d+)/.exec(line)?.[1])),
      counters,
    );
    const long = Buffer.from(encode(goodMap));
    const at = long.indexOf("counter") + "counter".length;
    assert.equal(long[at], 7);
    const stretched = [...long.subarray(0, at), 0x18, 7, ...long.subarray(at + 1)];
    assert.equal(
      verify(signed("ed25519", Buffer.concat([Uint8Array.from(stretched), container()])))[0],
      "has a malformed manifest",
    );
  });

  it("refuses a second value for a key, and a manifest with nothing behind it", () => {
    const map = Buffer.from(encode(goodMap));
    const twice = Buffer.concat([Uint8Array.of(map[0]! + 1), map.subarray(1), encode("counter"), encode(9)]);
    const padded = Buffer.concat([twice, Buffer.alloc(-twice.length & 15), container()]);
    assert.deepEqual(verify(signed("ed25519", padded), signed("ed25519", map)), [
      "has a malformed manifest",
      "has a malformed manifest",
    ]);
  });

  it("reads any manifest within its bounds", () => {
    const random = new SeededRandom(13);
    const good = bodyOf(goodMap);
    const commands = Array.from({ length: 4000 }, () => {
      const bytes = [...good.subarray(0, 16 + random.below(120))];
      for (let times = 1 + random.below(4); times > 0; times--) {
        const at = random.below(80);
        if (random.below(2) === 0) bytes[at] = random.below(256);
        else bytes.splice(at, random.below(3), ...random.bytes(random.below(4)));
      }
      return `manifest ${Buffer.from(bytes).toString("hex")}`;
    });
    const lines = verifier.ask([], ...commands);
    assert.equal(lines.length, commands.length);
    for (const line of lines) assert.match(line, /^(ok|is|has|was) /);
  });

  it("reads any header and TLVs within their bounds", () => {
    const random = new SeededRandom(14);
    const files = algorithms.map((algorithm) => signed(algorithm));
    const fields = (file: Buffer): number[] => {
      const end = 32 + file.readUInt32LE(12);
      return [...Array(32).keys(), ...Array.from({ length: file.length - end }, (_, index) => end + index)];
    };
    const damaged = Array.from({ length: 4000 }, () => {
      const file = files[random.below(2)]!;
      const bytes = [...file];
      const places = fields(file);
      for (let times = 1 + random.below(3); times > 0; times--)
        bytes[places[random.below(places.length)]!] = random.below(256);
      bytes.splice(random.below(bytes.length), random.below(3) === 0 ? random.below(40) : 0);
      return { command: fileCommand(Uint8Array.from(bytes)), same: file.equals(Uint8Array.from(bytes)) };
    });
    const lines = verifier.ask(publicKeys(), ...damaged.map(({ command }) => command));
    lines.forEach((line, index) => {
      assert.equal(isAccepted(line), damaged[index]!.same, damaged[index]!.command);
    });
  });

  it("takes a revocation from the root key only, and nothing else from it", () => {
    const root = makeKey("root.pem", "ed25519");
    const revocation = makeRevocation(keyOf.get("ecdsa-p256")!.publicKey.hash);
    const rootLine = keyCommand(root.publicKey, "root");
    const verdicts = [
      signBody(revocation, version, root),
      signBody(body, version, root),
      signed("ed25519", revocation),
    ];
    const [revoked, application, ...others] = verifier.ask(
      publicKeys(),
      rootLine,
      ...verdicts.map(fileCommand),
    );
    assert.match(revoked!, /^ok revokes [0-9a-f]{64}$/);
    assert.equal(application, "is signed with the root key, which signs revocations only");
    assert.deepEqual(others, [
      "has a manifest that this firmware does not know; build it with this firmware's tools",
    ]);
    // Bits of the manifest, past its signature.
    const { length } = revocation;
    for (let at = 0; at < length - 32; at++) {
      const altered = Buffer.from(revocation);
      altered[at]! ^= 1;
      const [verdict] = verifier.ask(publicKeys(), rootLine, fileCommand(signBody(altered, version, root)));
      assert.equal(verdict, "is signed with the root key, which signs revocations only", `byte ${at}`);
    }
  });

  it("takes 200 KB in steps that are none too large", () => {
    const large = makeBody(container({ code: 200_000 }), "it", { board: "host", counter: 1 });
    const file = signed("ed25519", large);
    const [, line] = verifier.ask(publicKeys(), fileCommand(file), "slices 16384");
    assert.match(line!, /^14 steps ok /);
  });
});
