/** Values that a central may write, and values longer than a packet. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { writable } from "../applications.ts";
import type { BumbleCentral } from "../bumbleCentral.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../useRig.ts";
import { within } from "../wait.ts";

async function connected(bumble: BumbleCentral, mtu?: number): Promise<void> {
  await bumble.do({ do: "scan" });
  await bumble.do({ do: "connect" });
  if (mtu !== undefined) await bumble.do({ do: "exchangeMtu", mtu });
  await bumble.do({ do: "discover" });
}

const read = async (bumble: BumbleCentral, characteristic: string) =>
  (await bumble.see({ do: "read", characteristic }, "value")).raw;

/** Reads until the value is there: a write without response has no answer to wait for. */
async function readUntil(wanted: string, reading: () => Promise<string>): Promise<void> {
  const seen = (async () => {
    while ((await reading()) !== wanted);
  })();
  await within(seen, `the value ${wanted}`);
}

export function writing(kind: CameraKind): void {
  describe("writable values", () => {
    const rig = useRig(kind, "writable");

    it("are written, read back and notified to Bumble", async () => {
      const bumble = await rig().bumble();
      await connected(bumble, 247);
      assert.equal(await read(bumble, writable.value), writable.initialRaw);
      await bumble.do({ do: "subscribe", characteristic: writable.value });
      await bumble.do({ do: "write", characteristic: writable.value, value: "00ff10" });
      assert.equal((await bumble.see({ do: "notifications", count: 1 }, "notification")).raw, "00ff10");
      assert.equal(await read(bumble, writable.value), "00ff10");
      await bumble.do({ do: "write", characteristic: writable.value, value: "c0ffee", response: false });
      await readUntil("c0ffee", () => read(bumble, writable.value));
      await bumble.do({ do: "disconnect" });
    });

    it("are written, read back and notified to ble-host", async () => {
      const central = await rig().bleHost();
      await central.connect(await central.find(writable.name));
      await central.exchangeMtu();
      await central.discover();
      const notifications = await central.subscribe(writable.value);
      await central.write(writable.value, Buffer.from("first"));
      assert.equal((await notifications.take("the notification of a write")).toString(), "first");
      assert.equal((await central.read(writable.value)).toString(), "first");
      await central.writeWithoutResponse(writable.value, Buffer.from("second"));
      await readUntil("second", async () => (await central.read(writable.value)).toString());
      await central.disconnect();
    });

    for (const mtu of [undefined, 64, 247] as const) {
      it(`longer than a packet are read whole by Bumble with ATT_MTU ${mtu ?? 23}`, async () => {
        const bumble = await rig().bumble();
        await connected(bumble, mtu);
        assert.equal(await read(bumble, writable.long), writable.longRaw);
        await bumble.do({ do: "disconnect" });
      });
    }

    it("longer than a packet are read whole by ble-host", async () => {
      const central = await rig().bleHost();
      await central.connect(await central.find(writable.name));
      await central.discover();
      assert.equal((await central.read(writable.long)).toString("hex"), writable.longRaw);
      await central.exchangeMtu();
      assert.equal((await central.read(writable.long)).toString("hex"), writable.longRaw);
      await central.disconnect();
    });
  });
}
