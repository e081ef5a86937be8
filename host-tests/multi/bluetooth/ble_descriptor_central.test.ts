/** The central of ble_descriptor: descriptors by their handles, read and written. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_NOTIFY,
  FLAG_READ,
  FLAG_WRITE,
  IRQ_GATTC_DESCRIPTOR_DONE,
  IRQ_GATTC_DESCRIPTOR_RESULT,
  IRQ_GATTC_READ_RESULT,
  IRQ_GATTC_WRITE_DONE,
  IRQ_GATTS_WRITE,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const DESC_UUID = "00000000-1111-2222-3333-444444444445";

describe("multi: bluetooth ble_descriptor, the central", () => {
  it("finds the attributes behind a value, reads a descriptor and writes it", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const descriptor = [new UUID(DESC_UUID), FLAG_READ | FLAG_WRITE] as const;
    const [[, own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), FLAG_READ | FLAG_NOTIFY, [descriptor]]]],
    ]) as [[number, number]];
    far.ble.gattsWrite(own, "desc");
    await cameras.run(
      async () => {
        await cameras.offer();
        await far.event(IRQ_GATTS_WRITE);
        equal(text(far.ble.gattsRead(own)), "new");
      },
      async () => {
        const conn = await cameras.meet();
        const handle = await cameras.handleOf(conn, CHAR_UUID);
        near.ble.gattcDiscoverDescriptors(conn, handle, 0xffff);
        const found: [number, string][] = [];
        for (let count = 0; count < 3; count++) {
          const [, at, uuid] = await near.event(IRQ_GATTC_DESCRIPTOR_RESULT);
          found.push([at, String(uuid)]);
        }
        await near.event(IRQ_GATTC_DESCRIPTOR_DONE);
        deepEqual(
          found.map(([, uuid]) => uuid).sort(),
          [CHAR_UUID, DESC_UUID, 0x2902].map((uuid) => String(new UUID(uuid))).sort(),
        );
        const [at] = found.find(([, uuid]) => uuid === String(new UUID(DESC_UUID)))!;
        near.ble.gattcRead(conn, at);
        equal(text((await near.event(IRQ_GATTC_READ_RESULT))[2]), "desc");
        near.ble.gattcWrite(conn, at, "new", 1);
        deepEqual(await near.event(IRQ_GATTC_WRITE_DONE), [conn, at, 0]);
        near.ble.gapDisconnect(conn);
        await near.event(IRQ_PERIPHERAL_DISCONNECT);
      },
    );
  });
});
