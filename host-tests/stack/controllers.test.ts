/** The host on controllers that are poor, bad, or gone. */
import { readLocalVersionInformation } from "../../firmware/ble/hci/commands/informational.ts";
import { leReadMaximumDataLength } from "../../firmware/ble/hci/commands/le-controller.ts";
import { disconnectionComplete } from "../../firmware/ble/hci/events.ts";
import { leConnectionComplete } from "../../firmware/ble/hci/le-events.ts";
import type { ControllerOptions } from "../../simulator/controller/options.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addHost, controllerKind, diagnostics } from "../support/cameras.ts";
import { createServer, NOTIFYING } from "../support/server.ts";
import { describe, it } from "../support/suite.ts";

function createScene(controller: Partial<ControllerOptions> = {}) {
  const world = createWorld();
  const server = createServer(addHost(world, { controller }));
  const { phone } = world.addPhone();
  const runSession = async () => {
    const link = await phone.connect(await phone.find({ name: "obscura" }));
    const notifying = (await link.discover()).characteristic(NOTIFYING);
    await link.subscribe(notifying);
    server.camera.host.gatt.updates.notifySubscribers(server.notifying);
    deepEqual((await link.nextValue()).value, new Uint8Array([0]));
    return link;
  };
  return { world, server, phone, runSession, bad: server.camera.controller };
}

const POOR: [string, Partial<ControllerOptions>][] = [
  ["of version 4.0 without features", { version: 6, features: [], maxDataOctets: 27, aclPacketLength: 27 }],
  ["with one buffer of 27 bytes", { aclPackets: 1, aclPacketLength: 27 }],
  ["that shares its buffers with BR/EDR", { sharedBuffers: true, aclPacketLength: 251, aclPackets: 4 }],
  ["that lacks the data length commands", { unsupported: [leReadMaximumDataLength.opcode] }],
  ["that grants four commands at once", { commandPackets: 4 }],
];

describe("stack: controllers", () => {
  for (const [name, options] of POOR) {
    it(`works on one ${name}`, async () => {
      const { world, server, runSession, bad } = createScene(options);
      await world.run(async () => {
        await server.advertise("obscura");
        const link = await runSession();
        equal(await link.disconnect(), 0x16);
      });
      deepEqual(bad.violations, []);
    });
  }

  it("works on one that grants each command only later", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.creditDelayMs = 30;
    await world.run(async () => {
      await server.advertise("obscura");
      await runSession();
    });
    deepEqual(bad.violations, []);
  });

  it("works on one that answers late", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.answerDelayMs = 150;
    await world.run(async () => {
      await server.advertise("obscura");
      await runSession();
    });
    deepEqual(bad.violations, []);
  });

  it("works on one that lists commands which it does not have", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.claims = [leReadMaximumDataLength.opcode];
    bad.faults.unknownByComplete = true;
    await world.run(async () => {
      await server.advertise("obscura");
      await runSession();
    });
  });

  it("says so when the controller never answers, after three attempts", async () => {
    const { world, server, bad } = createScene();
    bad.faults.silent = true;
    await world.run(() => rejects(server.advertise("obscura"), { code: controllerKind().unanswered }));
    equal(server.camera.platform.transport.opened, 3 * controllerKind().opensPerStart);
  });

  it("starts on the second attempt when the first command got lost", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.silent = true;
    await world.run(async () => {
      const started = server.advertise("obscura");
      await world.clock.sleep(1000);
      bad.faults.silent = false;
      await started;
      await runSession();
    });
  });

  it("says so when a command that it needs is missing", async () => {
    const { world, server } = createScene({ unsupported: [0x200a] });
    await world.run(() => rejects(server.advertise("obscura"), { code: "controller-unsuitable" }));
  });

  it("starts again after a hardware error, and advertises again", async () => {
    const { world, server, phone, bad } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      await phone.find({ name: "obscura" });
      bad.reportHardwareError(0x07);
      await world.clock.sleep(3000);
      await phone.find({ name: "obscura" }, 1000);
    });
    ok(diagnostics(server.camera).some((line) => line.includes("hardware error 0x7")));
  });

  it("ends its links when the controller dies, and works on when it is back", async () => {
    const { world, server, runSession, bad } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await runSession();
      bad.die();
      // The host learns nothing until it wants something of its controller.
      const next = server.advertise("obscura").catch(() => {});
      await world.clock.sleep(500);
      bad.revive();
      equal(await link.disconnected(), 0x08);
      await next;
      await server.advertise("obscura");
      await runSession();
    });
    equal(server.ended[0], 0x03);
  });

  it("survives a broken line", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      server.camera.platform.transport.fail("overrun");
      await world.clock.sleep(3000);
      await phone.find({ name: "obscura" }, 1000);
    });
    equal(server.camera.platform.transport.opened, 2 * controllerKind().opensPerStart);
  });

  it("takes no harm from events that come twice", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.duplicate = [leConnectionComplete.code, disconnectionComplete.code, 0x13, 0x0e, 0x0f];
    await world.run(async () => {
      for (let turn = 0; turn < 3; turn++) {
        await server.advertise("obscura");
        const link = await runSession();
        await link.disconnect();
        await world.clock.sleep(100);
      }
    });
    equal(server.camera.host.connections.size, 0);
    deepEqual(bad.violations, []);
  });

  it("takes no harm from wrong counts of completed packets", async () => {
    const { world, server, runSession, bad } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      bad.faults.completedExtra = 3;
      const link = await runSession();
      for (let turn = 0; turn < 50; turn++) {
        server.camera.host.gatt.updates.notifySubscribers(server.notifying);
        await link.nextValue();
      }
    });
    deepEqual(bad.violations, []);
    ok(diagnostics(server.camera).some((line) => line.includes("completed")));
  });

  it("takes no harm from garbage between packets", async () => {
    const { world, server, runSession, bad } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await runSession();
      for (const bytes of [
        [0x04, 0xff, 0x00],
        [0x04, 0x3e, 0x00],
        [0x04, 0x3e, 0x01, 0x01],
        [0x04, 0x05, 0x01, 0x00],
        [0x04, 0x13, 0x05, 0x02, 0x40, 0x00, 0x01, 0x00],
        [0x04, 0x13, 0x00],
        [0x04, 0x0e, 0x00],
        [0x04, 0x0f, 0x01, 0x00],
        [0x02, 0x40, 0x20, 0x00, 0x00],
        [0x02, 0x40, 0x20, 0x01, 0x00, 0xff],
        [0x02, 0xff, 0x2f, 0x04, 0x00, 0x00, 0x00, 0x04, 0x00],
        [0x02, 0x40, 0x10, 0x04, 0x00, 0x00, 0x00, 0x04, 0x00],
      ]) {
        bad.deliver(new Uint8Array(bytes));
      }
      deepEqual(await link.read(server.readable.handle), new Uint8Array([0x34, 0x08]));
      await link.disconnect();
      await world.clock.sleep(100);
    });
    equal(server.camera.host.connections.size, 0);
  });

  it("restarts the controller when an answer is cut short", async () => {
    const { world, server, runSession, bad } = createScene();
    bad.faults.truncateAnswers = 3;
    await world.run(async () => {
      const started = server.advertise("obscura");
      await world.clock.sleep(100);
      bad.faults.truncateAnswers = undefined;
      await started;
      await runSession();
    });
    ok(bad.commands.filter((opcode) => opcode === readLocalVersionInformation.opcode).length > 0);
  });
});
