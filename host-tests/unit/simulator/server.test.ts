/** The simulator over sockets, in real time: a host behind a socket and a phone inside. Nothing here measures time. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import type { HciReceiver, HciTransport, Platform } from "../../../firmware/platform/platform.ts";
import { simulatedCrypto } from "../../../simulator/crypto.ts";
import { SimulatedFlash } from "../../../simulator/flash.ts";
import { FROM_CONTROLLER, H4Framer } from "../../../simulator/h4.ts";
import { runPhoneSession } from "../../../simulator/phone/session.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { createRealClock } from "../../../tools/radio/real-clock.ts";
import { SimulatorServer, type SimulatorServerOptions } from "../../../tools/radio/simulator-server.ts";
import { concat } from "../../support/bytes.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { createServer } from "../../support/server.ts";

/** H4 over a socket, byte by byte as a UART would deliver it. */
function socketTransport(socket: Socket): HciTransport {
  let receiver: HciReceiver | undefined;
  const framer = new H4Framer(FROM_CONTROLLER, (packet) =>
    receiver?.onPacket(new DataView(packet.buffer as ArrayBuffer)),
  );
  socket.on("data", (bytes) => {
    for (const byte of bytes) framer.push(Uint8Array.of(byte));
  });
  return {
    open(to) {
      receiver = to;
    },
    write(header, headerLength, payload, start = 0, end = payload?.length ?? 0) {
      for (const byte of header.subarray(0, headerLength)) socket.write(Uint8Array.of(byte));
      if (payload) socket.write(payload.slice(start, end));
      return true;
    },
    gather: (header, headerLength, payload, start, end) =>
      concat(header.subarray(0, headerLength), payload.subarray(start, end)),
    close() {
      receiver = undefined;
    },
  };
}

describe("simulator over sockets", function () {
  this.timeout(600_000);
  const cleanUp: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  async function start(
    options: SimulatorServerOptions,
  ): Promise<{ server: SimulatorServer; address: string }> {
    const server = new SimulatorServer(options);
    cleanUp.push(() => server.close());
    return { server, address: await server.listen() };
  }

  async function open(address: string): Promise<Socket> {
    const [kind, ...rest] = address.split(":");
    const socket = kind === "unix" ? connect(rest.join(":")) : connect(Number(rest[1]), rest[0]);
    cleanUp.push(async () => socket.destroy());
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  }

  it("lets a phone run a session with a camera", async () => {
    const { server, address } = await start({});
    assert.match(address, /^tcp:127\.0\.0\.1:\d+$/);
    const socket = await open(address);
    const clock = createRealClock();
    const random = new SeededRandom(2);
    const platform: Platform = {
      clock,
      transport: socketTransport(socket),
      crypto: simulatedCrypto,
      random: (length) => random.bytes(length),
      uniqueId: () => new Uint8Array(8),
      flash: () => new SimulatedFlash(),
      log: () => undefined,
    };
    const camera = createServer({ host: new Host(platform, new MemoryRecords()) });
    await camera.advertise("obscura", 20_000);
    const updating = setInterval(
      () => camera.camera.host.gatt.updates.notifySubscribers(camera.notifying),
      20,
    );
    cleanUp.push(async () => clearInterval(updating));
    camera.camera.host.observe({ onDisconnected: () => void camera.advertise("obscura", 20_000) });
    const events: string[] = [];
    for await (const { event } of runPhoneSession(server.addPhone(), { name: "obscura", notifications: 3 }))
      events.push(event);
    assert.deepEqual(events.slice(0, 5), ["ready", "found", "connected", "mtu", "database"]);
    assert.deepEqual(events.slice(-5), [
      "notification",
      "notification",
      "disconnected",
      "advertisingAgain",
      "done",
    ]);
    assert.deepEqual(server.controllers[0]?.violations, []);
  });

  it("gives each connection a controller of its own, over a unix socket too", async () => {
    const directory = mkdtempSync(join(tmpdir(), "obscura-sim-"));
    cleanUp.push(async () => rmSync(directory, { recursive: true }));
    const { server, address } = await start({ listen: `unix:${join(directory, "hci")}` });
    const answers = [];
    for (let index = 0; index < 2; index++) {
      const socket = await open(address);
      const answer = new Promise<Buffer>((resolve) => socket.once("data", resolve));
      socket.write(Uint8Array.of(1, 0x09, 0x10, 0));
      answers.push((await answer).toString("hex"));
    }
    assert.equal(new Set(answers).size, 2, "two addresses");
    assert.equal(server.controllers.length, 2);
  });

  it("listens no more to a host that does not read, keeps little for it, and goes on when it does", async () => {
    const directory = mkdtempSync(join(tmpdir(), "obscura-sim-"));
    cleanUp.push(async () => rmSync(directory, { recursive: true }));
    const { server, address } = await start({ listen: `unix:${join(directory, "hci")}` });
    const socket = (await open(address)).pause();
    const count = 80_000;
    let flushed = false;
    const readBdAddr = Buffer.from([1, 0x09, 0x10, 0]);
    socket.write(Buffer.alloc(count * 4, readBdAddr), () => {
      flushed = true;
    });
    // Turns enough for a server that reads on to have read everything.
    for (let turn = 0; turn < 5000 && !flushed; turn++) await new Promise((resolve) => setImmediate(resolve));
    const answered = (): number => server.controllers[0]!.commands.length;
    assert.ok(
      !flushed && answered() < count,
      `${answered()} commands were taken from a host that does not read`,
    );
    let received = 0;
    const done = new Promise<void>((resolve) => {
      socket.on("data", (bytes) => {
        received += bytes.length;
        if (received === count * 13) resolve();
      });
    });
    socket.resume();
    await done;
    assert.equal(answered(), count);
  });

  it("hangs up on a host whose bytes make no sense", async () => {
    const changes: string[] = [];
    const { address } = await start({ onChange: (message) => changes.push(message) });
    const socket = await open(address);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(Uint8Array.of(0x99));
    await closed;
    assert.match(changes.join("\n"), /lost the framing/);
  });

  it("says what is wrong with an address", async () => {
    for (const listen of ["tcp:", "udp:1:2", "tcp:nowhere"]) {
      await assert.rejects(new SimulatorServer({ listen }).listen(), RangeError);
    }
  });
});
