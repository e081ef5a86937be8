/** The environment sensor through two centrals that none of us wrote. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { CentralEvent, ServiceFound } from "../../../tools/rig/events.ts";
import { environmentSensor } from "../applications.ts";
import { assertDecodes } from "../btsnoop.ts";
import { StepFailure } from "../bumble-central.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";

/** ATT error Write Not Permitted (Vol 3, Part F, 3.4.1.1). */
const writeNotPermitted = 0x03;

/** Longer than the sensor's period of a second. */
const SILENCE_SECONDS = 1.3;

const find = (services: readonly ServiceFound[], uuid: string) =>
  services.flatMap(({ characteristics }) => characteristics).find((found) => found.uuid === uuid);

const isPlausible = {
  temperature: (value: Buffer) => Math.abs(value.readInt16LE()) < 100_00,
  humidity: (value: Buffer) => value.readUInt16LE() <= 100_00,
};

export function environment(kind: CameraKind): void {
  describe("the environment sensor", () => {
    const rig = useRig(kind, "environment-sensor");

    it("shows Bumble its database and values, streams, and advertises again", async () => {
      const bumble = await rig().bumble();
      await bumble.do({ do: "scan" });
      await bumble.do({ do: "connect" });
      const { mtu } = await bumble.see({ do: "exchangeMtu", mtu: 247 }, "mtu");
      assert.ok(mtu > 23 && mtu <= 247, `agreed on ${mtu}`);

      const { services } = await bumble.see({ do: "discover" }, "database");
      const uuids = services.map(({ uuid }) => uuid);
      for (const uuid of ["1800", "1801", environmentSensor.service]) assert.ok(uuids.includes(uuid), uuid);
      for (const uuid of [environmentSensor.temperature, environmentSensor.humidity]) {
        const characteristic = find(services, uuid);
        assert.deepEqual([...(characteristic?.properties ?? [])].sort(), ["notify", "read"]);
        const descriptors = characteristic?.descriptors.map((descriptor) => descriptor.uuid);
        assert.deepEqual(descriptors?.sort(), ["2902", "290D"]);
      }

      const received = await bumble.do({ do: "readAll" });
      const readValue = (uuid: string) => {
        const value = received.find(
          (e): e is Extract<CentralEvent, { event: "value" }> => e.event === "value" && e.uuid === uuid,
        );
        assert.ok(value !== undefined, `${uuid} was read`);
        return value;
      };
      assert.equal(readValue("2A00").decoded, environmentSensor.name);
      assert.equal(readValue("2A01").raw, environmentSensor.appearanceRaw);
      assert.ok(isPlausible.temperature(Buffer.from(readValue(environmentSensor.temperature).raw, "hex")));
      assert.ok(isPlausible.humidity(Buffer.from(readValue(environmentSensor.humidity).raw, "hex")));

      const triggers = received.filter(
        (e): e is Extract<CentralEvent, { event: "descriptor" }> =>
          e.event === "descriptor" && e.uuid === "290D",
      );
      const everySecond = "01010000";
      assert.deepEqual(
        triggers.map(({ raw }) => raw),
        [everySecond, everySecond],
      );

      await bumble.do({ do: "subscribe", characteristic: environmentSensor.temperature });
      const stream = await bumble.do({ do: "notifications", count: 5 });
      assert.equal(stream.length, 5);
      for (const event of stream) {
        assert.ok(event.event === "notification" && event.uuid === environmentSensor.temperature);
        assert.ok(isPlausible.temperature(Buffer.from(event.raw, "hex")));
      }

      const { reason } = await bumble.see({ do: "disconnect" }, "disconnected");
      assert.equal(reason, 0x16, "connection terminated by local host");
      await bumble.see({ do: "scan", again: true }, "advertisingAgain");
    });

    it("stops streaming when Bumble unsubscribes, and to a new connection that did not subscribe", async () => {
      const bumble = await rig().bumble();
      for (let round = 0; round < 2; round++) {
        await bumble.do({ do: "scan" });
        await bumble.do({ do: "connect" });
        await bumble.do({ do: "discover" });
        if (round === 0) {
          await bumble.do({ do: "subscribe", characteristic: environmentSensor.temperature });
          await bumble.do({ do: "notifications", count: 1 });
          await bumble.do({ do: "unsubscribe", characteristic: environmentSensor.temperature });
        }
        await bumble.do({ do: "expectSilence", seconds: SILENCE_SECONDS });
        await bumble.do({ do: "disconnect" });
      }
    });

    it("refuses Bumble's write to a value that only reads", async () => {
      const bumble = await rig().bumble();
      await bumble.do({ do: "scan" });
      await bumble.do({ do: "connect" });
      await bumble.do({ do: "discover" });
      await assert.rejects(
        bumble.do({ do: "write", characteristic: environmentSensor.temperature, value: "0000" }),
        (error: unknown) => error instanceof StepFailure && error.code === writeNotPermitted,
      );
      await bumble.do({ do: "read", characteristic: environmentSensor.temperature });
    });

    it("serves ble-host: MTU, database, values, notifications, disconnect, advertising again", async () => {
      const central = await rig().bleHost();
      const camera = await central.find(environmentSensor.name);
      await central.connect(camera);
      const mtu = await central.exchangeMtu();
      assert.ok(mtu > 23 && mtu <= 517, `agreed on ${mtu}`);
      const services = await central.discover();
      assert.ok(services.includes("0000181A-0000-1000-8000-00805F9B34FB"));
      assert.equal((await central.read("2A00")).toString(), environmentSensor.name);
      assert.ok(isPlausible.temperature(await central.read(environmentSensor.temperature)));
      assert.ok(isPlausible.humidity(await central.read(environmentSensor.humidity)));

      await central.subscribe(environmentSensor.humidity);
      for (let count = 0; count < 2; count++) {
        const { value } = await central.received.take("a notification of the humidity");
        assert.ok(isPlausible.humidity(value));
      }
      await central.unsubscribe(environmentSensor.humidity);
      await central.disconnect();
      await central.find(environmentSensor.name);
    });

    it("advertises again when the central vanishes", async () => {
      const bumble = await rig().bumble();
      await bumble.do({ do: "scan" });
      await bumble.do({ do: "connect" });
      await bumble.do({ do: "discover" });
      await bumble.do({ do: "subscribe", characteristic: environmentSensor.temperature });
      await bumble.do({ do: "notifications", count: 1 });
      await bumble.vanish();

      const raw = await rig().raw();
      await raw.connect(environmentSensor.name);
      const handle = await raw.valueHandle(environmentSensor.temperature);
      const answer = await raw.requestAtt(Buffer.from([0x0a, handle & 0xff, handle >> 8]));
      assert.equal(answer[0], 0x0b, "Read Response");
      await raw.disconnect();
    });

    it("spoke HCI that tshark decodes without a malformed packet", async () => {
      const { protocols } = await assertDecodes(rig().snoopPath);
      assert.ok((protocols.bthci_cmd ?? 0) > 0 && (protocols.bthci_evt ?? 0) > 0);
      assert.ok((protocols.btatt ?? 0) > 50, `only ${protocols.btatt} packets of ATT`);
    });
  });
}
