/** L2CAP channels between the camera and Bumble, opened from either side. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PEER_PSM, PSM } from "../applications/channels/names.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";

/** Shorter than a frame, of some frames, and as much as the camera takes. */
const LENGTHS = [1, 245, 246, 247, 600, 1000];

export function channels(kind: CameraKind): void {
  if (!kind.runsOurApplications) return;
  describe("channels", () => {
    const rig = useRig(kind, "channels");

    it("SDUs of every length come back from the camera, on a channel of Bumble's and on one of its own", async () => {
      const bumble = await rig().bumble();
      await bumble.do({ do: "scan" });
      await bumble.do({ do: "connect" });
      await bumble.do({ do: "listenForChannel", psm: PEER_PSM });
      await assert.rejects(bumble.do({ do: "openChannel", psm: PEER_PSM }), /L2capError|refused|CONNECTION/i);
      const opened = await bumble.see({ do: "openChannel", psm: PSM }, "channel");
      assert.equal(opened.peerMtu, 1000);
      for (const length of LENGTHS) await bumble.do({ do: "exchangeSdus", length, count: 4 });
      await bumble.do({ do: "closeChannel" });
      await rig().camera.line(/channels: 24 SDUs sent back, ended by peer/);

      await rig().camera.line(/channels: refused with 2/);
      const enhanced = await bumble.see({ do: "awaitChannel" }, "channel");
      assert.equal(enhanced.peerMtu, 500);
      await rig().camera.line(/channels: opened with an MPS of 247, the peer takes 600/);
      // Bumble files an enhanced channel that it accepts under its own number, and misses what credits come for it later: so
      // this is as much as its first credits carry.
      for (const length of [1, 200]) await bumble.do({ do: "exchangeSdus", length, count: 4 });
      await bumble.do({ do: "closeChannel" });
      await rig().camera.line(/channels: 8 SDUs sent back, ended by peer/);

      await bumble.do({ do: "awaitChannel" });
      await rig().camera.line(/channels: opened with an MPS of 60, the peer takes 600/);
      for (const length of [1, 199, 200, 500]) await bumble.do({ do: "exchangeSdus", length, count: 4 });
      await bumble.do({ do: "closeChannel" });
      await rig().camera.line(/channels: 16 SDUs sent back, ended by peer/);
      await bumble.do({ do: "disconnect" });
    });
  });
}
