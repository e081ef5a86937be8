/** What `obscura` says to mistakes, and how it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { describe, it } from "mocha";
import { build } from "../../../tools/build/build.ts";
import { addRun } from "../../../tools/cli/commands/run.ts";
import { optionsOf, saidOf, verb } from "../../../tools/cli/verb.ts";
import { root } from "../../../tools/paths.ts";

function obscura(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "tools/obscura.mjs"), ...args], {
    encoding: "utf8",
    cwd: root,
  });
  return { status, stdout, stderr };
}

describe("obscura", function () {
  this.timeout(600_000);

  it("run says first that an application's scenario is not played with another radio than the simulator's", async () => {
    for (const radio of ["sim:cyw43", "tcp:127.0.0.1:1"]) {
      const program = new Command();
      addRun({
        abort: AbortSignal.abort(),
        command: (name, description) => program.command(name).description(description),
        foreignCommand: () => assert.fail("run is no foreign command"),
        // The first event ends the command.
        rendererFor: () => (event) => {
          throw event;
        },
        end: () => undefined,
      });
      await assert.rejects(
        program.parseAsync(["run", "heart-rate-reader", "--radio", radio], { from: "user" }),
        {
          type: "warning",
          message: /^heart-rate-reader has a scenario .* --radio sim alone\. With --radio \S+ its camera/,
        },
      );
    }
  });

  it("lists the boards for an unknown one", () => {
    const { status, stdout, stderr } = obscura("run", "--board", "toaster");
    assert.equal(status, 2);
    assert.match(stderr, /There is no board "toaster"\. Boards: .*host.*mps2-an500/);
    assert.equal(stdout, "");
  });

  it("lists the radios for an unknown one, and builds nothing before", () => {
    const { status, stdout, stderr } = obscura("run", "--radio", "smoke-signals");
    assert.equal(status, 2);
    assert.match(stderr, /There is no radio "smoke-signals"\. Radios: sim, sim:cyw43, bumble, tcp:HOST:PORT/);
    assert.equal(stdout, "");
  });

  it("run refuses a patch that is none, and a recording that nobody can write, and builds nothing before", () => {
    const folder = mkdtempSync(join(tmpdir(), "obscura-run-"));
    const short = join(folder, "short.hcd");
    writeFileSync(short, Uint8Array.of(0x4c, 0xfc, 20, 0));
    const kept = join(folder, "kept.btsnoop");
    writeFileSync(kept, "of yesterday");
    const chip = ["--radio", "sim:cyw43"];
    for (const [args, status, said] of [
      [[...chip, "--patch", short], 1, /short\.hcd: The controller's patch is damaged at byte 0: /],
      [[...chip, "--patch", join(folder, "none.hcd")], 2, /There is no patch .*none\.hcd\./],
      [[...chip, "--patch", folder], 2, /The patch cannot be read: .* is a folder\./],
      [["--no-phone", "--script", short], 2, /--script is what the phone does: leave --no-phone out, or --s/],
      [["--btsnoop", folder], 2, / is a folder: name a file in it\./],
      [["--btsnoop", kept], 2, /kept\.btsnoop exists, and is nothing that this command writes/],
      [["--btsnoop", join(folder, "none", "traffic")], 2, /none\/traffic cannot be written: /],
      [["--btsnoop", ""], 2, /The name of the file to write is empty\./],
      [["--btsnoop", kept, ...chip, "--patch", short], 1, /patch is damaged/],
    ] as const) {
      const result = obscura("run", ...args);
      assert.equal(result.status, status, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, said);
      assert.equal(result.stdout, "", args.join(" "));
    }
    assert.equal(readFileSync(kept, "utf8"), "of yesterday");
    assert.deepEqual(readdirSync(folder).sort(), ["kept.btsnoop", "short.hcd"]);
    rmSync(folder, { recursive: true });
  });

  it("energy refuses what is no number of days, and a page that nobody can write, and plays nothing before", () => {
    for (const [args, said] of [
      [["--days", "abc"], /--days is "abc"; it is a number more than 0 and at most 366\./],
      [["--days", ""], /--days is ""; /],
      [["--days", "367"], /--days is "367"; /],
      [["--html", ""], /The name of the file to write is empty\./],
      [["--html", "none/page.html"], /none\/page\.html cannot be written: /],
    ] as const) {
      const { status, stderr, stdout } = obscura("energy", ...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, said);
      assert.equal(stdout, "");
    }
  });

  it("says what argument is missing, and what is too much", () => {
    for (const args of [["build"], ["init"], ["run", "a", "b"]]) {
      const { status, stderr } = obscura(...args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /argument/);
    }
  });

  it("builds no image for release that anybody could sign for", () => {
    const { status, stdout, stderr } = obscura("build", "environment-sensor", "--release");
    assert.equal(status, 2);
    assert.match(stderr, /An image for release trusts keys of yours: name them with --trust/);
    assert.equal(stdout, "");
  });

  it("says before anything else that an image for release without the feature update looks at no signature", async () => {
    const options = { application: "environment-sensor", board: "host", release: true };
    const operation = build({ ...options, manifest: "peripheral" });
    const { value: event } = await operation.next();
    assert.ok(typeof event === "object" && "type" in event && event.type === "info");
    assert.match(event.message, /^The manifest peripheral is without .* looks at no signature, /);
    // Before anything is built.
    await operation.return(undefined as never);
  });

  it("lists the examples for an unknown application, in one line, with --json too", () => {
    for (const args of [["build"], ["energy"], ["energy", "battery-sensor"]]) {
      const { status, stdout, stderr } = obscura(...args, "toaster", "--json");
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /^obscura: There is no application "toaster".*environment-sensor.*\n$/);
      assert.equal(stdout, "");
    }
  });

  it("lists the options for an unknown one", () => {
    const { status, stderr } = obscura("build", "environment-sensor", "--colour");
    assert.equal(status, 2);
    assert.match(stderr, /unknown option '--colour'.*--board.*--json/);
  });

  it("lists the commands for an unknown one", () => {
    const { status, stderr } = obscura("bake");
    assert.equal(status, 2);
    assert.match(stderr, /unknown command 'bake'.*build, run/);
  });

  it("helps", () => {
    const { status, stdout } = obscura("--help");
    assert.equal(status, 0);
    assert.match(stdout, /build .*run /s);
    assert.match(stdout, /Exit status: 0 .*1 .*2 .*130 /s);
    for (const command of ["build", "run", "size", "bench", "soak", "doctor", "init"]) {
      assert.match(stdout, new RegExp(`^ {2}${command} `, "m"));
      const help = obscura(command, "--help");
      assert.equal(help.status, 0, command);
      assert.match(help.stdout, /Exit status: /, command);
    }
    assert.match(obscura("bench", "--help").stdout, /--update-baseline.*Exit status/s);
    assert.match(obscura("size", "-h").stdout, /--board <board>/);
    assert.match(obscura("soak", "--help").stdout, /--scenario/);
    assert.match(obscura("run", "--help").stdout, /--board.*--radio.*--no-phone.*--btsnoop.*--json/s);
  });
});

describe("sentences about a mistake on the command line", () => {
  it("end once, and name the options that there are", () => {
    const error = new CommanderError(1, "commander.excessArguments", "error: too many\narguments: 1.");
    assert.equal(saidOf(error), "too many arguments: 1");
    assert.equal(optionsOf(verb("check", "")), "Options: --help.");
    assert.equal(optionsOf(verb("size", "").option("--json")), "Options: --json, --help.");
  });
});

describe("npm run VERB", () => {
  it("lists the verbs for an unknown one", () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "tools/run.mjs"), "bake"], {
      encoding: "utf8",
    });
    assert.equal(status, 2);
    assert.match(stderr, /start, test, check, format/);
  });

  it("npm test: helps, and refuses before it begins what is neither its own nor a test file", () => {
    const test = (...args: string[]) =>
      spawnSync(process.execPath, [join(root, "tools/run.mjs"), "test", ...args], { encoding: "utf8" });
    const help = test("--help");
    assert.equal(help.status, 0);
    assert.match(help.stdout, /\[files\.\.\.\].*--all.*--grep.*is mocha's.*N passed.*Exit status/s);
    for (const [args, message] of [
      [["--bail"], /unknown option '--bail'.*--all, --grep, --help/],
      [["host-tests/absent.test.ts"], /there is no test file host-tests\/absent\.test\.ts/],
      [["--grep"], /'--grep <text>' argument missing/],
    ] as const) {
      const { status, stderr, stdout } = test(...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stdout, "");
    }
  }).timeout(120_000);
});
