/** The frames of the management service: fragments, what is malformed, and how many at a time. */
import { FRAGMENT_TIMEOUT_MS, FRAME_MAX } from "../../firmware/update/session.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { managed, RawClient, requestOf } from "../support/management-scene.ts";
import { bundleOf } from "../support/memory-slots.ts";
import { describe, it } from "../support/suite.ts";

const _NEW = bundleOf([2, 0, 1], 3000);

describe("management: frames", () => {
  it("come in fragments of any size, and several in one", async () => {
    await managed(async ({ connection }) => {
      const raw = await RawClient.open(connection);
      const request = requestOf({ operation: 2, map: { d: "fragments" } });
      for (const size of [1, 3, 7, 8, 9, request.length]) {
        for (let at = 0; at < request.length; at += size) await raw.write(request.subarray(at, at + size));
        const answer = await raw.answer();
        equal(answer[0], 0x0b);
        equal(answer[6], 0x42);
      }
      await raw.write(
        Uint8Array.from([...request, ...requestOf({ operation: 2, map: { d: "2" }, sequence: 7 })]),
      );
      equal((await raw.answer())[6], 0x42);
      equal((await raw.answer())[6], 7);
    });
  });

  it("one that is incomplete is dropped after a pause, and a client that tries again is understood", async () => {
    await managed(async ({ camera, client, connection, sleep }) => {
      const raw = await RawClient.open(connection);
      const request = requestOf({ operation: 2, map: { d: "again" } });
      for (let times = 0; times < 3; times++) {
        await raw.write(request.subarray(0, 12));
        await sleep(FRAGMENT_TIMEOUT_MS + 100);
      }
      await raw.write(request);
      equal((await raw.answer())[0], 0x0b);
      equal((await client.read([64, 1])).dropped, 3);
      const said = diagnostics(camera).filter((line) => line.includes("dropped an incomplete request"));
      equal(said.length, 1, "once for each link");
    });
  });

  it("too long, malformed, unknown or an answer: refused or ignored, and the next one is served", async () => {
    await managed(async ({ connection, camera }) => {
      const raw = await RawClient.open(connection);
      const good = async (): Promise<void> => {
        await raw.write(requestOf({ operation: 2, map: { d: "good" }, sequence: 9 }));
        equal((await raw.answer())[6], 9);
      };
      const long = new Uint8Array(8 + FRAME_MAX);
      long.set([0x0a, 0, FRAME_MAX >> 8, FRAME_MAX & 0xff, 0, 0, 5, 0]);
      for (let at = 0; at < long.length; at += 200) await raw.write(long.subarray(at, at + 200));
      deepEqual([...(await raw.answer()).subarray(8, 13)], [0xa2, 0x62, 0x72, 0x63, 0x07], "rc 7");
      await good();
      for (const payload of [
        [],
        [0xff],
        [0xbf],
        [0x9f, 0xff],
        [0xa1, 0x61, 0x64, 0x79, 0xff, 0xff],
        [0x00],
      ]) {
        await raw.write(Uint8Array.from([0x0a, 0, 0, payload.length, 0, 0, 6, 0, ...payload]));
        deepEqual([...(await raw.answer()).subarray(8, 13)], [0xa2, 0x62, 0x72, 0x63, 0x03], "rc 3");
      }
      await raw.write(requestOf({ operation: 1 }));
      await raw.write(requestOf({ operation: 3 }));
      await good();
      equal(camera.host.budget.refused, 0);
    });
  });

  it("more than two at a time are refused, and a repeat of one that is being answered is not asked twice", async () => {
    await managed(async ({ connection, store, sleep }) => {
      const raw = await RawClient.open(connection);
      store.wait = () => sleep(1000);
      const erase = requestOf({ operation: 2, group: 1, command: 5 });
      await raw.write(erase);
      await sleep(200);
      await raw.write(erase);
      await raw.write(requestOf({ operation: 2, map: { d: "1" }, sequence: 1 }));
      await raw.write(requestOf({ operation: 2, map: { d: "2" }, sequence: 2 }));
      const answers: number[] = [];
      for (let count = 0; count < 3; count++) answers.push((await raw.answer(3000))[6]!);
      deepEqual(answers, [0x42, 1, 2]);
      await rejects(raw.answer(500), { code: "timeout" });
      equal(store.overlaps.length, 0);
    });
  });
});
