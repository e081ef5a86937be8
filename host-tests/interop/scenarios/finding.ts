/** The camera on the air, before anybody connects. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AdStructure } from "../../../tools/rig/events.ts";
import { environmentSensor } from "../applications.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";

/** AD types (Assigned Numbers, 2.3). */
const adType = { flags: 0x01, uuids16: 0x03, name: 0x09, appearance: 0x19, manufacturer: 0xff } as const;

/** The most that a legacy advertising or scan response payload holds (Vol 6, Part B, 2.3.1). */
const payloadBytes = 31;

export function finding(kind: CameraKind): void {
  describe("on the air", () => {
    const rig = useRig(kind, "environment-sensor");

    it("is found by Bumble, the manufacturer data overflowing into the scan response", async () => {
      const bumble = await rig().bumble();
      const seen = await bumble.see({ do: "scan" }, "found");
      const raw = (structures: readonly AdStructure[], type: number) =>
        structures.find((structure) => structure.type === type)?.raw;
      const everything = [...seen.advertising, ...seen.scanResponse];

      assert.equal(seen.connectable, true);
      assert.equal(raw(seen.advertising, adType.flags), "06", "LE general discoverable, no BR/EDR");
      assert.equal(raw(everything, adType.name), Buffer.from(environmentSensor.name).toString("hex"));
      assert.equal(raw(everything, adType.appearance), environmentSensor.appearanceRaw);
      assert.equal(raw(everything, adType.uuids16), "1a18");
      assert.equal(raw(seen.advertising, adType.manufacturer), undefined);
      assert.match(raw(seen.scanResponse, adType.manufacturer) ?? "", /^[0-9a-f]{6,}$/);
      assert.ok(seen.advertisingRaw.length <= 2 * payloadBytes);
      assert.ok(seen.scanResponseRaw.length <= 2 * payloadBytes);
    });

    it("is found by ble-host with the same data", async () => {
      const central = await rig().bleHost();
      const seen = await central.find(environmentSensor.name, ({ manufacturer, appearance, serviceUuids }) =>
        [manufacturer !== undefined, appearance !== undefined, serviceUuids.length > 0].every(Boolean),
      );
      assert.equal(seen.appearance, environmentSensor.appearance);
      assert.deepEqual(seen.serviceUuids, ["0000181A-0000-1000-8000-00805F9B34FB"]);
      assert.ok((seen.manufacturer?.data.length ?? 0) > 0);
    });
  });
}
