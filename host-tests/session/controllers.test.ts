/** `obscura run` on controllers of the user's: at a socket, on a serial port, and not there at all. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, it } from "mocha";
import { root, venvProgram } from "../../tools/paths.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { obscura } from "./run.ts";

/** Begins to listen on this computer; returns the port. */
async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port at which nobody listens. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  const port = await portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

/** A socket that carries its bytes to the controller at `hci` and back. */
function relayTo(hci: string): Server {
  return createServer((host) => {
    const controller = connect(Number(hci.split(":").at(-1)), "127.0.0.1");
    for (const [from, to] of [
      [host, controller],
      [controller, host],
    ] as const) {
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  });
}

describe("obscura run --radio", function () {
  this.timeout(600_000);
  let folder = "";
  const programs: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-controllers-"));
  });

  afterEach(async () => {
    for (const program of programs.splice(0)) {
      program.kill();
      if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
    }
    rmSync(folder, { recursive: true });
  });

  /** Starts a program of the rig and returns the first line that it prints. */
  async function python(script: string, ...args: string[]): Promise<{ child: ChildProcess; line: string }> {
    const child = spawn(venvProgram("python"), [join(root, script), ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    programs.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return { child, line };
  }

  /** A serial port with the controller at `hci` at its other end. */
  async function serialPort(hci: string): Promise<{ child: ChildProcess; line: string }> {
    return python("host-tests/session/serial.py", "127.0.0.1", hci.split(":").at(-1)!);
  }

  /** What `run` says when its radio does not start; everything before that is the build. */
  async function refusal(radio: string): Promise<string> {
    const session = obscura("run", "--radio", radio);
    assert.equal(await session.ended, 1, session.output());
    const lines = session.output().trim().split("\n");
    assert.ok(
      lines.slice(0, -1).every((line) => /^[✓…]/.test(line)),
      session.output(),
    );
    return lines.at(-1)!;
  }

  it("a socket at which nobody listens is one line, and the end", async () => {
    const hint = "docs/radio.md shows how to start one";
    const path = `unix:${join(folder, "nobody")}`;
    assert.equal(await refusal(path), `✗ Radio: No controller listens at ${path} (no such socket); ${hint}`);
    const port = `tcp:127.0.0.1:${await unusedPort()}`;
    assert.equal(
      await refusal(port),
      `✗ Radio: No controller listens at ${port} (connection refused); ${hint}`,
    );
  });

  it("adapters that are not there, and what is none, fail with a reason that has advice", async () => {
    const absent = [
      "usb:99",
      "usb:dead:beef",
      "hci-socket:99",
      "serial:/dev/not-there",
      "serial:/dev",
      "serial:/dev/null",
    ];
    const kinds = await Promise.all(
      absent.map(async (transport) => {
        const child = spawn(venvProgram("python"), [join(root, "tools/rig/bridge.py"), transport]);
        const [code, text] = await Promise.all([
          once(child, "close").then(([status]) => status as number),
          child.stdout.toArray().then((chunks: Buffer[]) => Buffer.concat(chunks).toString()),
        ]);
        assert.equal(code, 1, transport);
        const { event, kind } = JSON.parse(text) as { event: string; kind: string };
        return [event, kind].join(" ");
      }),
    );
    // Where the computer has USB or Bluetooth sockets, this one is missing there; else there are none.
    const missing = /^failed (missing|unsupported|permission)$/;
    for (const at of [0, 1, 2]) assert.match(kinds[at]!, missing, absent[at]);
    assert.deepEqual(kinds.slice(3), ["failed missing", "failed unsupported", "failed unsupported"]);
  });

  it("a socket that takes one connection in its life is enough", async () => {
    const server = new SimulatorServer();
    const relay = relayTo(await server.listen());
    relay.once("connection", () => relay.close());
    try {
      const session = obscura("run", "--radio", `tcp:127.0.0.1:${await portOf(relay)}`);
      await session.saw(/advertising as obscura-env/);
      session.child.kill("SIGINT");
      assert.equal(await session.ended, 130, session.output());
    } finally {
      await server.close();
    }
  });

  it("serial: a central of others finds the camera through a controller on a serial port", async () => {
    const { line } = await python("tools/rig/controller.py");
    const { controllers } = JSON.parse(line) as { controllers: [{ hci: string }, { hci: string }] };
    const port = await serialPort(controllers[0].hci);
    const session = obscura("run", "--radio", `serial:${port.line},115200`);
    await session.saw(/Look for it with a phone/);
    await session.saw(/advertising as obscura-env/);

    const central = spawn(
      venvProgram("python"),
      [join(root, "tools/rig/central.py"), "--hci", controllers[1].hci],
      {
        stdio: ["pipe", "ignore", "inherit"],
      },
    );
    programs.push(central);
    assert.deepEqual(await once(central, "exit"), [0, null]);
    await session.saw(/connected: .*disconnected.*advertising as obscura-env/s);

    port.child.stdin?.end();
    assert.equal(await session.ended, 1, session.output());
    assert.match(session.output(), /obscura: The controller at serial:.* is gone\n$/);
  });

  it("serial: a port that is not there, none, or without a controller is one line, and the end", async () => {
    assert.match(await refusal("serial:/dev/ttyNOPE"), /^✗ Radio: There is no \/dev\/ttyNOPE; ls \/dev\/tty/);
    assert.match(await refusal("serial:/dev/null"), /^✗ Radio: \/dev\/null is not a serial port$/);
    const silent = createServer((socket) => socket.resume());
    const port = await serialPort(`tcp:127.0.0.1:${await portOf(silent)}`);
    assert.match(await refusal(`serial:${port.line}`), /^✗ Radio: .* nothing there answers HCI Reset/);
    silent.close();
  });

  it("serial: ends at Ctrl-C also before the controller has answered", async () => {
    const silent = createServer((socket) => socket.resume());
    const heard = once(silent, "connection");
    const port = await serialPort(`tcp:127.0.0.1:${await portOf(silent)}`);
    const session = obscura("run", "--radio", `serial:${port.line}`);
    const [socket] = await heard;
    await once(socket, "data");
    session.child.kill("SIGINT");
    assert.equal(await session.ended, 130, session.output());
    silent.close();
  });
});
