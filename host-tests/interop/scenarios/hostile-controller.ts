/** Bytes on the HCI UART that no controller sends: the camera survives, and serves afterwards. */
import { before, describe, it } from "mocha";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";
import { assertServes } from "./health.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

const everyByte = Array.from({ length: 256 }, (_, byte) => byte);

/** No complete lies about the state of a link: those are not garbage but another truth. */
const families: readonly { readonly what: string; readonly bytes: readonly Buffer[] }[] = [
  {
    what: "bytes that are no H4 packet type",
    bytes: [hex("00"), Buffer.alloc(64, 0xff), Buffer.from("garbage\r\n")],
  },
  {
    what: "every event code without parameters",
    bytes: everyByte.map((code) => Buffer.from([0x04, code, 0])),
  },
  {
    what: "every LE subevent without parameters",
    bytes: everyByte.map((subevent) => Buffer.from([0x04, 0x3e, 1, subevent])),
  },
  {
    what: "events shorter than their parameters",
    bytes: [
      hex("04 05 03 00 40 00"),
      hex("04 0e 02 01 03"),
      hex("04 0f 03 00 01 03"),
      hex("04 3e 05 01 00 40 00 01"),
      hex("04 3e 0b 0a 00 40 00 01 00 11 22 33 44 55"),
      hex("04 13 05 ff 40 00 01 00"),
      hex("04 3e 02 02 7f"),
    ],
  },
  {
    what: "answers to commands that were never sent",
    bytes: [
      hex("04 0e 04 01 00 00 00"),
      hex("04 0e 04 ff ff ff 00"),
      hex("04 0f 04 00 01 05 04"),
      hex("04 0e 03 01 00 00"),
    ],
  },
  {
    what: "news of connections that do not exist",
    bytes: [
      hex("04 05 04 00 ef 0e 13"),
      hex("04 13 05 01 ef 0e ff ff"),
      hex("04 3e 0a 03 00 ef 0e 18 00 00 00 48 00"),
      hex("02 ef 2e 07 00 03 00 04 00 0a 03 00"),
      hex("02 ef 2e 00 00"),
      hex("02 ef 1e 04 00 01 02 03 04"),
    ],
  },
  { what: "an incomplete event", bytes: [hex("04 3e ff 02 01")] },
  {
    what: "an incomplete ACL packet larger than any buffer",
    bytes: [hex("02 40 20 ff ff 00 00 04 00")],
  },
];

export function hostileController(kind: CameraKind): void {
  if (!kind.survivesHostileController) return;

  describe("with a controller that sends garbage", () => {
    const rig = useRig(kind, "environment-sensor");

    before(async function () {
      this.timeout(600_000);
      await assertServes(rig());
    });

    for (const { what, bytes } of families) {
      it(`survives ${what}, and serves again`, async () => {
        for (const packet of bytes) rig().proxy.inject(packet);
        await assertServes(rig());
      });
    }

    it("survives an incomplete event while a central is connected", async () => {
      const raw = await rig().raw();
      await raw.connect("obscura-env");
      rig().proxy.inject(hex("04 3e 40 02 01"));
      raw.close();
      await assertServes(rig());
    });
  });
}
