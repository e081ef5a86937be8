/** A controller that never answers, and one that comes back. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";
import { assertServes } from "./health.ts";

/** HCI Hardware Error event (Vol 4, Part E, 7.7.16), after which the host resets the controller. */
const hardwareError = Buffer.from("04100142", "hex");

export function silentController(kind: CameraKind): void {
  const silenceLine = kind.controllerSilent;
  if (silenceLine === undefined) return;

  describe("with a controller that never answers", () => {
    const rig = useRig(kind, "environment-sensor", { mute: true });

    it("says so, tries again without flooding, and serves when the controller comes", async () => {
      await rig().camera.line(silenceLine);
      await rig().proxy.resets.take("the first HCI Reset");
      await rig().proxy.resets.take("another HCI Reset");
      assert.ok(rig().proxy.packetsFromCamera < 20, `${rig().proxy.packetsFromCamera} packets into the void`);
      await rig().proxy.unmute();
      await assertServes(rig());
    });
  });

  describe("with a controller that fails while it runs", () => {
    const rig = useRig(kind, "environment-sensor");

    it("resets it, says so while it is silent, and serves when it comes back", async () => {
      await assertServes(rig());
      rig().proxy.mute();
      rig().proxy.resets.drain();
      const from = rig().camera.console.length;
      rig().proxy.inject(hardwareError);
      await rig().proxy.resets.take("an HCI Reset after the hardware error");
      await rig().camera.line(silenceLine, undefined, from);
      await rig().proxy.unmute();
      await assertServes(rig());
    });
  });
}
