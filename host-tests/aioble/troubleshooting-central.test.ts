/** The symptoms of docs/troubleshooting.md that a central sees, each with what the cameras say about it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

interface Scene {
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
  readonly now: () => number;
}

async function inScene(
  work: (scene: Scene) => Promise<void>,
  prepare: (peripheral: AiobleCamera, central: AiobleCamera) => void = () => {},
): Promise<void> {
  const world = createWorld();
  const [central, peripheral] = [addAioble(world), addAioble(world)];
  prepare(peripheral, central);
  const { ADDR_RANDOM, Device } = central.aioble;
  await world.run(async () => {
    const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
    const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    const now = (): number => world.clock.now();
    await work({ central, peripheral, outgoing, incoming: await advertised, now });
  });
}

const lines = ({ platform }: AiobleCamera): string[] => platform.console.map(({ message }) => message);

describe("troubleshooting: l2capConnect() rejects at once", () => {
  it("nobody waits on that PSM: the error has result 2, the other camera says which it was, and later it works", async () => {
    await inScene(async ({ peripheral, outgoing, incoming, now }) => {
      const startMs = now();
      await rejects(outgoing.l2capConnect(0x80), { code: "l2cap-refused", status: 2 });
      ok(now() - startMs < 1000);
      await rejects(outgoing.l2capConnect(0x80), { code: "l2cap-refused", status: 2 });
      const told = diagnostics(peripheral).filter((line) => line.includes("psm 128"));
      deepEqual(told, ["aioble: refused a channel on psm 128 (0x80), where no l2capAccept waits"]);
      const [channel] = await Promise.all([outgoing.l2capConnect(0x80), incoming.l2capAccept(0x80)]);
      ok(channel.isConnected());
    });
  });
});

describe("troubleshooting: the ATT_MTU is still 23", () => {
  it("until one side exchanges it; the log says what was agreed", async () => {
    await inScene(async ({ central, outgoing }) => {
      central.aioble.config({ logLevel: 3 });
      equal(outgoing.mtu, 23);
      equal(await outgoing.exchangeMtu(), 517);
      ok(lines(central).some((line) => /^att: link \d+ has an MTU of 517$/.test(line)));
    });
  });

  it("after an exchange with a device that has no more; another exchange changes nothing", async () => {
    const small = (peripheral: AiobleCamera): void => peripheral.aioble.config({ mtu: 23 });
    await inScene(async ({ central, outgoing }) => {
      central.aioble.config({ logLevel: 3 });
      equal(await outgoing.exchangeMtu(), 23);
      equal(await outgoing.exchangeMtu({ mtu: 200 }), 23);
      ok(lines(central).some((line) => /^att: link \d+ has an MTU of 23$/.test(line)));
    }, small);
  });
});

describe("troubleshooting: connect() times out", () => {
  it("a scan says of a device that it takes no connections", async () => {
    const world = createWorld();
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    await world.run(async () => {
      await peripheral.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      for await (const result of central.aioble.scan({ intervalUs: 30_000, windowUs: 30_000 })) {
        equal(result.connectable, false);
        await rejects(result.device.connect({ timeoutMs: 1000 }), { code: "timeout" });
        break;
      }
    });
  });
});
