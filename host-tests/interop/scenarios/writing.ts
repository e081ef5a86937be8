/** Values that a central may write, and values longer than a packet. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { mailbox } from "../applications.ts";
import type { BumbleCentral } from "../bumble-central.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";

async function connected(bumble: BumbleCentral, mtu?: number): Promise<void> {
  await bumble.do({ do: "scan" });
  await bumble.do({ do: "connect" });
  if (mtu !== undefined) await bumble.do({ do: "exchangeMtu", mtu });
  await bumble.do({ do: "discover" });
}

const read = async (bumble: BumbleCentral, characteristic: string) =>
  (await bumble.see({ do: "read", characteristic }, "value")).raw;

export function writing(kind: CameraKind): void {
  describe("the mailbox", () => {
    const rig = useRig(kind, "mailbox");

    it("is written, read back and answers Bumble's commands, with and without response", async () => {
      const bumble = await rig().bumble();
      await connected(bumble, 247);
      assert.equal(await read(bumble, mailbox.text), Buffer.from(mailbox.initialText).toString("hex"));
      await bumble.do({ do: "write", characteristic: mailbox.text, value: "00ff10" });
      assert.equal(await read(bumble, mailbox.text), "00ff10");

      await bumble.do({ do: "subscribe", characteristic: mailbox.answer });
      for (const response of [true, false]) {
        const value = response ? "0102" : "0a0b0c";
        await bumble.do({ do: "write", characteristic: mailbox.command, value, response });
        const answer = await bumble.see({ do: "notifications", count: 1 }, "notification");
        assert.equal(answer.raw, Buffer.from(value, "hex").reverse().toString("hex"));
        assert.equal(await read(bumble, mailbox.answer), answer.raw);
      }
      await bumble.do({ do: "disconnect" });
    });

    it("is written, read back and answers ble-host's commands, with and without response", async () => {
      const central = await rig().bleHost();
      await central.connect(await central.find(mailbox.name));
      await central.exchangeMtu();
      await central.discover();
      await central.write(mailbox.text, Buffer.from("first"));
      assert.equal((await central.read(mailbox.text)).toString(), "first");

      await central.subscribe(mailbox.answer);
      await central.write(mailbox.command, Buffer.from("abc"));
      const answer = await central.received.take("the answer to a write");
      assert.equal(answer.value.toString(), "cba");
      await central.writeWithoutResponse(mailbox.command, Buffer.from("xyz"));
      const next = await central.received.take("the answer to a write without response");
      assert.equal(next.value.toString(), "zyx");
      await central.disconnect();
    });

    for (const mtu of [undefined, 64, 247] as const) {
      it(`has a value longer than a packet that Bumble reads whole with ATT_MTU ${mtu ?? 23}`, async () => {
        const bumble = await rig().bumble();
        await connected(bumble, mtu);
        assert.equal(await read(bumble, mailbox.archive), mailbox.archiveRaw);
        await bumble.do({ do: "disconnect" });
      });
    }

    it("has a value longer than a packet that ble-host reads whole before and after the MTU exchange", async () => {
      const central = await rig().bleHost();
      await central.connect(await central.find(mailbox.name));
      await central.discover();
      assert.equal((await central.read(mailbox.archive)).toString("hex"), mailbox.archiveRaw);
      await central.exchangeMtu();
      assert.equal((await central.read(mailbox.archive)).toString("hex"), mailbox.archiveRaw);
      await central.disconnect();
    });
  });
}
