/** Keys and signed bundles, against openssl and imgtool, which share nothing with them. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encode } from "cborg";
import { after, before, describe, it } from "mocha";
import { perform } from "../../../tools/cli/perform.ts";
import { ToolError, UsageError } from "../../../tools/events.ts";
import { clientProgram, cryptoFolder, root as projectRoot } from "../../../tools/paths.ts";
import { setUp } from "../../../tools/setup.mjs";
import {
  formatVersion,
  isSignedBy,
  parseVersion,
  readSigned,
  signBody,
} from "../../../tools/update/format.ts";
import {
  type Algorithm,
  algorithms,
  developmentKeyFile,
  generateKey,
  isDevelopmentKey,
  publicFileOf,
  readPublicKey,
  readSigningKey,
} from "../../../tools/update/keys.ts";
import { makeBody, makeRevocation, readBody } from "../../../tools/update/manifest.ts";
import { revokeKey } from "../../../tools/update/revoke.ts";
import { describeBundle, doubts, signApplication } from "../../../tools/update/sign.ts";
import { readRootKey, readTrustedKeys, writeTrustedKeys } from "../../../tools/update/trusted-keys.ts";
import { container } from "./container.ts";

describe("Signed bundles", function () {
  this.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), "obscura-sign-"));
  const path = (name: string): string => join(folder, name);
  const keyFile = (algorithm: Algorithm): string => path(`${algorithm}.pem`);
  const body = makeBody(container(), "it", { board: "host", counter: 7 });
  const version = parseVersion("1.2.3+4");
  const lines: string[] = [];
  const note = (event: { type: string; text?: string; message?: string }): void => {
    lines.push(event.text ?? event.message ?? "");
  };

  before(async () => {
    await setUp(["clients"]);
    for (const algorithm of algorithms) await perform(generateKey(keyFile(algorithm), algorithm), note);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const algorithm of algorithms) {
    describe(`with ${algorithm}`, () => {
      const pem = keyFile(algorithm);

      it("has a key that openssl reads, whose private half only its owner does", () => {
        const text = execFileSync("openssl", ["pkey", "-in", pem, "-noout", "-text"], { encoding: "utf8" });
        assert.match(text, algorithm === "ed25519" ? /ED25519/ : /prime256v1/);
        assert.equal(statSync(pem).mode & 0o777, 0o600);
        const of = (...args: string[]) =>
          execFileSync("openssl", ["pkey", ...args, "-pubout"], { encoding: "utf8" });
        assert.equal(of("-in", pem), readFileSync(publicFileOf(pem), "utf8"));
      });

      it("is what imgtool verifies, and reads what imgtool signs", () => {
        writeFileSync(path("body"), body);
        writeFileSync(path("ours"), signBody(body, version, readSigningKey(pem)));
        const said = execFileSync(
          clientProgram("imgtool"),
          ["verify", "-k", publicFileOf(pem), path("ours")],
          {
            encoding: "utf8",
          },
        );
        assert.match(said, /correctly validated[\s\S]*1\.2\.3\+4/);
        const signing = ["sign", "-k", pem, "--header-size", "32", "--pad-header", "--align", "4"];
        execFileSync(clientProgram("imgtool"), [
          ...[...signing, "--version", "1.2.3+4", "--slot-size", "262144", path("body"), path("theirs")],
        ]);
        const theirs = readSigned(readFileSync(path("theirs")));
        assert.ok(isSignedBy(theirs, readPublicKey(pem)));
        assert.deepEqual(theirs.version, version);
        assert.deepEqual(theirs.body, body);
        // Ed25519 has one signature for one message and key.
        if (algorithm === "ed25519")
          assert.deepEqual(readFileSync(path("theirs")), readFileSync(path("ours")));
      });

      it("is damaged by any bit of what is signed, and unsigned by any of the rest", () => {
        const file = signBody(body, version, readSigningKey(pem));
        const key = readPublicKey(pem);
        for (let bit = 0; bit < file.length * 8; bit++) {
          const copy = Buffer.from(file);
          copy[bit >> 3]! ^= 1 << (bit & 7);
          const isAccepted = () => isSignedBy(readSigned(copy), key);
          let accepted = false;
          try {
            accepted = isAccepted();
          } catch (error) {
            assert.ok(error instanceof ToolError, `bit ${bit}: ${error}`);
          }
          assert.ok(!accepted, `bit ${bit}`);
        }
      });
    });
  }

  it("takes imgtool's security counter", () => {
    writeFileSync(path("body"), body);
    execFileSync(clientProgram("imgtool"), [
      ...["sign", "-k", keyFile("ed25519"), "--header-size", "32", "--pad-header", "--align", "4"],
      ...[
        "--version",
        "1.0.0",
        "--slot-size",
        "262144",
        "--security-counter",
        "9",
        path("body"),
        path("counted"),
      ],
    ]);
    const file = readSigned(readFileSync(path("counted")));
    assert.ok(isSignedBy(file, readPublicKey(keyFile("ed25519"))));
    assert.deepEqual(file.body, body);
  });

  it("say what camera they are for", () => {
    const read = readBody(body);
    assert(read.kind === "application");
    const { board, engine, counter, container: inside } = read;
    assert.deepEqual({ board, engine, counter }, { board: "host", engine: [1, 2, 3], counter: 7 });
    assert.deepEqual(Buffer.from(inside), container());
    assert.equal((body.length - container().length) % 16, 0);
  });

  it("have a manifest that another implementation of CBOR reads", () => {
    writeFileSync(path("body"), body);
    const program = "import cbor2, sys; print(sorted(cbor2.load(open(sys.argv[1], 'rb')).items()))";
    const { stdout } = spawnSync(clientProgram("python"), ["-c", program, path("body")], {
      encoding: "utf8",
    });
    const digest = "b'\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08'";
    const fields = `('board', 'host'), ('counter', 7), ('engine', [1, 2, 3]), ('format', 1), ('interface', ${digest})`;
    assert.equal(stdout.trim(), `[${fields}]`);
  });

  it("are made of an .xsb by obscura sign, and described by obscura bundle", async () => {
    const xsb = path("application.xsb");
    writeFileSync(xsb, container());
    const key = keyFile("ed25519");
    const options = {
      application: xsb,
      board: "host",
      manifest: "camera",
      key,
      version: "1.2.3",
      counter: 5,
    };
    const output = await perform(signApplication(options), note);
    assert.equal(output, path("application.bin"));
    lines.length = 0;
    await perform(describeBundle(output, [developmentKeyFile, publicFileOf(key)]), note);
    assert.match(
      lines.join("\n"),
      /version +1\.2\.3\ncounter +5\nhash +[0-9a-f]{64}[\s\S]*board +host\nengine +1\.2\.3/,
    );
    await assert.rejects(
      perform(describeBundle(output, [developmentKeyFile]), note),
      /signed with another key/,
    );
    await assert.rejects(perform(describeBundle(xsb, [key]), note), /It is no signed bundle/);
  });

  it("are refused in one sentence by obscura bundle when their manifest lacks something", async () => {
    const whole = { format: 1, board: "host", engine: [1, 2, 3], interface: new Uint8Array(8), counter: 7 };
    const file = path("strange.bin");
    const key = readSigningKey(developmentKeyFile);
    for (const [content, sentence] of [
      [
        { ...whole, board: 7 },
        /^The bundle's manifest is incomplete: it lacks a board, an engine or a counter$/,
      ],
      [{ ...whole, engine: [1, 2] }, /it lacks a board, an engine or a counter$/],
      [{ ...whole, counter: null }, /it lacks a board, an engine or a counter$/],
      [{ ...whole, interface: new Uint8Array(7) }, /it lacks the digest of the native interface$/],
      [{ ...whole, format: 2 }, /^The bundle has no manifest that this Obscura reads$/],
      [[1], /^The bundle has no manifest/],
      [{ format: 1, revoke: new Uint8Array(31) }, /^The revocation names no key$/],
      [{ format: 1, revoke: "all" }, /^The revocation names no key$/],
    ] as const) {
      writeFileSync(file, signBody(encode(content), version, key));
      await assert.rejects(perform(describeBundle(file, [developmentKeyFile]), note), (error) => {
        assert(error instanceof ToolError);
        assert.match(error.message, sentence);
        return true;
      });
    }
  });

  it("are doubted when the .xsb is for another board, engine or native interface than the firmware here", () => {
    const applications = path("mps2-an500/applications");
    mkdirSync(applications, { recursive: true });
    const xsb = join(applications, "it.xsb");
    const firmware = path("mps2-an500/firmware.xsb");
    const found = (): string => doubts(xsb, "mps2-an500", firmware).join("\n");
    writeFileSync(xsb, container());
    assert.equal(found(), "", "no firmware was built here");
    const own = container();
    own.writeUInt8(0, 6);
    writeFileSync(firmware, own);
    assert.equal(found(), "");
    assert.match(doubts(xsb, "host", path("none"))[0]!, /for mps2-an500, and is signed for host$/);
    for (const [folder, expected] of [
      ["mps2-an500-release", /for mps2-an500, and is signed for host$/],
      ["mps2-an500-peripheral-trust-sanitize", /for mps2-an500, and is signed for host$/],
      ["host-release", undefined],
      ["of-mine", undefined],
    ] as const) {
      const elsewhere = join(path(folder), "applications", "it.xsb");
      mkdirSync(dirname(elsewhere), { recursive: true });
      writeFileSync(elsewhere, container());
      const [doubt] = doubts(elsewhere, "host", path("none"));
      if (expected === undefined) assert.equal(doubt, undefined);
      else assert.match(doubt!, expected);
    }
    writeFileSync(xsb, container({ engine: [1, 2, 4] }));
    assert.match(found(), /version 1\.2\.4 of the XS engine, not 1\.2\.3: .*build it again/);
    const other = container();
    other[16]! ^= 1;
    writeFileSync(xsb, other);
    assert.match(found(), /another native interface: .*build it again/);
    assert.deepEqual(doubts(xsb, "mps2-an500", path("none")), [], "it may have been built elsewhere");
  });

  it("warn of the development key, and refuse counters that are none", async () => {
    const xsb = path("warned.xsb");
    writeFileSync(xsb, container());
    const options = { application: xsb, board: "host", manifest: "camera", key: developmentKeyFile };
    lines.length = 0;
    await perform(signApplication(options), note);
    assert.match(lines.at(-1)!, /development key, which everybody has/);
    for (const counter of [-1, 1.5, 0x1_0000_0000, Number.NaN]) {
      await assert.rejects(perform(signApplication({ ...options, counter }), note), UsageError);
    }
  });

  it("take version and counter from the application's package.json", async () => {
    const application = path("versioned");
    mkdirSync(application);
    writeFileSync(join(application, "main.ts"), "");
    const refused = async (text: string, sentence: RegExp): Promise<void> => {
      writeFileSync(join(application, "package.json"), text);
      const options = { application, board: "host", manifest: "camera", key: developmentKeyFile };
      await assert.rejects(perform(signApplication(options), note), sentence);
    };
    await refused('{ "version": "next" }', /"next" is no version/);
    await refused('{ "version": null }', /package\.json: "version" is null; it is a string/);
    for (const counter of ['"7"', "null", "-1", "1.5", "4294967296"])
      await refused(
        `{ "version": "1.0.0", "obscura": { "counter": ${counter} } }`,
        new RegExp(
          `package\\.json: "obscura\\.counter" is ${counter}; it is a whole number from 0 to 4294967295`,
        ),
      );
  });

  it("take no counter of 0 from a package.json that says something else, or nothing that anybody heeds", async () => {
    const application = path("unheeded");
    mkdirSync(application);
    writeFileSync(join(application, "main.ts"), "");
    for (const [text, message] of [
      ["[]", /package\.json is no JSON object/],
      ["null", /package\.json is no JSON object/],
      ['"name"', /package\.json is no JSON object/],
      ['{ "obscura": 5 }', /package\.json: "obscura" is 5; it is an object/],
      ['{ "obscura": null }', /package\.json: "obscura" is null; it is an object/],
      ['{ "obscura": [3] }', /package\.json: "obscura" is \[3\]; it is an object/],
      ['{ "obscura": { "conter": 3 } }', /unknown key "conter" in "obscura"; keys are counter, heap/],
    ] as const) {
      writeFileSync(join(application, "package.json"), text);
      const options = { application, board: "host", manifest: "camera", key: developmentKeyFile };
      await assert.rejects(perform(signApplication(options), note), { name: "ToolError", message });
    }
  });

  it("leave no half of a key behind where the other cannot be written", async () => {
    const half = mkdtempSync(join(tmpdir(), "obscura-half-"));
    // The name of the public half is too long for a file.
    const name = `${"k".repeat(248)}.pem`;
    await assert.rejects(
      perform(generateKey(join(half, name), "ed25519"), () => undefined),
      (error) => error instanceof ToolError && /^The key cannot be written: ENAMETOOLONG/.test(error.message),
    );
    assert.deepEqual(readdirSync(half), []);
    rmSync(half, { recursive: true });
  });

  it("keep keys: none is overwritten, and what is no key is refused", async () => {
    const [file] = algorithms.map(keyFile);
    await assert.rejects(perform(generateKey(file!, "ed25519"), note), /exists, and is not overwritten/);
    await assert.rejects(perform(generateKey("", "ed25519"), note), {
      name: "UsageError",
      message: /is empty/,
    });
    for (const name of ["dangling.pem", "dangling.pub.pem"]) {
      symlinkSync("nowhere.pem", path(name));
      const refusal = { name: "UsageError", message: new RegExp(`${name} exists, and is not overwritten`) };
      await assert.rejects(perform(generateKey(path("dangling.pem"), "ed25519"), note), refusal);
      rmSync(path(name));
    }
    assert.equal(existsSync(path("nowhere.pem")), false);
    assert.throws(() => readSigningKey(path("missing.pem")), UsageError);
    writeFileSync(path("text.pem"), "no key");
    assert.throws(() => readSigningKey(path("text.pem")), /is no private key in PEM/);
    const [one, two] = [file!, publicFileOf(file!)].map((each) => readFileSync(each, "utf8"));
    for (const [several, count] of [
      [two! + two!, 2],
      [one! + two!, 2],
      [`# mine\r\n${two}\r\n${one}${two}`, 3],
    ] as const) {
      writeFileSync(path("several.pem"), several);
      const refusal = {
        name: "ToolError",
        message: new RegExp(`several\\.pem has ${count} keys: name a file`),
      };
      for (const read of [readPublicKey, readSigningKey])
        assert.throws(() => read(path("several.pem")), refusal);
    }
    writeFileSync(
      path("parameters.pem"),
      `-----BEGIN EC PARAMETERS-----\nAA==\n-----END EC PARAMETERS-----\n${two}`,
    );
    assert.deepEqual(readPublicKey(path("parameters.pem")).hash, readPublicKey(publicFileOf(file!)).hash);
    assert.throws(() => readSigningKey(publicFileOf(file!)), /is no private key in PEM/);
    assert.throws(() => readPublicKey(path("text.pem")), /is no public key in PEM/);
    execFileSync("openssl", ["genpkey", "-algorithm", "x25519", "-out", path("x25519.pem")]);
    assert.throws(() => readSigningKey(path("x25519.pem")), /is a key of x25519; a camera verifies ed25519/);
    const encrypted = [
      "pkey",
      "-in",
      file!,
      "-aes128",
      "-passout",
      "pass:secret",
      "-out",
      path("encrypted.pem"),
    ];
    execFileSync("openssl", encrypted);
    assert.throws(() => readSigningKey(path("encrypted.pem")), /is encrypted/);
    assert.ok(isDevelopmentKey(readPublicKey(developmentKeyFile)));
    assert.ok(!isDevelopmentKey(readPublicKey(file!)));
  });

  it("are trusted no more once the root key has revoked their key, which is a key of its own", async () => {
    const [file, other] = algorithms.map(keyFile);
    const root = path("root.pem");
    await perform(generateKey(root, "ed25519"), note);
    const output = path("revocation.bin");
    await perform(revokeKey(publicFileOf(file!), { key: root, output }), note);
    const revocation = readSigned(readFileSync(output));
    assert.ok(isSignedBy(revocation, readPublicKey(publicFileOf(root))));
    assert.deepEqual(revocation.body, makeRevocation(readPublicKey(publicFileOf(file!)).hash));
    lines.length = 0;
    await perform(describeBundle(output, [publicFileOf(root), publicFileOf(file!)]), note);
    const hash = readPublicKey(file!).hash.toString("hex");
    assert.match(
      lines[0]!,
      /revocation\.bin: \d+ bytes, a revocation: cameras that trust the signer as their root/,
    );
    assert.equal(lines[1], `revokes   ${hash} (${publicFileOf(file!)})`);
    assert.equal(lines.at(-1), `signed by ${publicFileOf(root)}`);
    await assert.rejects(perform(describeBundle(output, [file!]), note), /signed with another key/);
    await assert.rejects(perform(revokeKey(publicFileOf(root), { key: root, output }), note), UsageError);
    await assert.rejects(
      perform(revokeKey(publicFileOf(file!), { key: root, output: path("none/file") }), note),
      ToolError,
    );

    const keys = readTrustedKeys([publicFileOf(file!), publicFileOf(other!)], true);
    assert.throws(() => readRootKey(publicFileOf(file!), keys), /it is none of them/);
    assert.throws(() => readRootKey(publicFileOf(root), []), /there are none/);
    assert.throws(() => readRootKey(developmentKeyFile, keys), /everybody has it/);
    // What the image is compiled with.
    const header = writeTrustedKeys(keys, folder, readRootKey(publicFileOf(root), keys));
    const include = (name: string): string[] => ["-isystem", join(cryptoFolder, name)];
    execFileSync("cc", [
      ...["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", `-DTRUSTED_KEYS_FILE="${header}"`],
      ...[
        '-DMBEDTLS_CONFIG_FILE="obscura_crypto_config.h"',
        "-I",
        join(projectRoot, "firmware/native/crypto"),
      ],
      ...[...include("include"), join(projectRoot, "firmware/native/trusted_keys.c")],
    ]);
    assert.match(readFileSync(header, "utf8"), /#define TRUSTED_ROOT/);
  });

  it("have versions within the fields of their header", () => {
    for (const text of ["0.0.0", "1.2.3", "1.2.3+4", "255.255.65535+4294967295"])
      assert.equal(formatVersion(parseVersion(text)), text);
    for (const text of [
      "1",
      "1.2",
      "1.2.3.4",
      "256.0.0",
      "0.0.65536",
      "1.2.3+4294967296",
      "1.2.3-beta",
      "01.2.3",
      "1.02.3",
      "1.2.03",
      "1.2.3+04",
      "00.0.0",
      "",
    ])
      assert.throws(() => parseVersion(text), UsageError, text);
  });
});
