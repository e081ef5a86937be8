/** The management server over GATT: groups 0, 1 and 64, as the clients of MCUmgr use them. */
import type { CborMap } from "../../firmware/update/cbor.ts";
import { REFUSAL_LINES_MAX, UPLOAD_PAUSE_MS } from "../../firmware/update/image-group.ts";
import { CHARACTERISTIC_UUID, SERVICE_UUID } from "../../firmware/update/service.ts";
import { FRAME_MAX } from "../../firmware/update/session.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { managed, RUNNING, requestOf } from "../support/management-scene.ts";
import { bundleOf, hashOf } from "../support/memory-slots.ts";
import { describe, it } from "../support/suite.ts";

const NEW = bundleOf([2, 0, 1], 3000);

describe("management: group 0", () => {
  it("echoes, also what takes many fragments each way", async () => {
    await managed(async ({ client, connection }) => {
      equal(await client.echo("hello"), "hello");
      const long = "ü".repeat(450);
      equal(await client.echo(long), long);
      ok(connection.mtu > 200);
    });
  });

  it("says what it takes, what camera it is, and how its bundles change places", async () => {
    await managed(async ({ ask, client }) => {
      deepEqual({ ...(await client.read([0, 6])) }, { buf_size: FRAME_MAX, buf_count: 2 });
      equal((await client.read([0, 7])).output, "Obscura");
      equal((await client.read([0, 7], { format: "rn" })).output, "1.0.0 camera");
      equal((await client.read([0, 7], { format: "a" })).output, "Obscura camera 1.0.0");
      deepEqual((await ask({ command: 7, map: { format: "x" } })).map.err, map({ group: 0, rc: 2 }));
      equal((await client.read([0, 8])).bootloader, "MCUboot");
      equal((await client.read([0, 8], { query: "mode" })).mode, 3);
      deepEqual((await ask({ command: 8, map: { query: "?" } })).map.err, map({ group: 0, rc: 3 }));
    });
  });

  it("answers in the version that was asked in; what it does not know is rc 8 in both", async () => {
    await managed(async ({ ask }) => {
      for (const version of [0, 1]) {
        const answer = await ask({ version, group: 2, command: 9 });
        equal(answer.version, version);
        equal(answer.operation, 1);
        equal(answer.map.rc, 8);
        equal((await ask({ version, operation: 2, command: 6 })).map.rc, 8, "params are not written");
      }
      equal((await ask({ version: 3 })).version, 1, "the newest that there is");
    });
  });

  it("has no files (group 8), and answers whatever else it does not know with rc 8 and its reason", async () => {
    await managed(async ({ ask, client, store }) => {
      const before = JSON.stringify([store.calls, await client.list()]);
      const unknown: readonly (readonly [group: number, commands: readonly number[]])[] = [
        // File: upload and download, status, hash, the hashes that there are, close.
        [8, [0, 1, 2, 3, 4, 255]],
        [0, [1, 2, 3, 4, 9, 255]],
        [1, [2, 3, 4, 7, 255]],
        [64, [2, 255]],
        // Statistics, settings, log, shell, Zephyr's own, the next maker's, the last.
        ...[2, 3, 4, 9, 63, 65, 0x100, 0xffff].map((group) => [group, [0]] as const),
      ];
      const name = "/lfs/main.js";
      for (const [group, commands] of unknown) {
        for (const command of commands) {
          for (const operation of [0, 2]) {
            const version = command & 1;
            const answer = await ask({ version, operation, group, command, map: { off: 0, name } });
            const what = `group ${group}, command ${command}, operation ${operation}`;
            deepEqual(
              [answer.version, answer.operation, { ...answer.map }],
              [version, operation + 1, { rc: 8, rsn: "this camera has no such command" }],
              what,
            );
          }
        }
      }
      // Asked the other way than there is.
      for (const [operation, group, command] of [
        [0, 0, 5],
        [2, 0, 7],
        [0, 1, 1],
        [0, 1, 5],
        [2, 1, 6],
        [2, 64, 0],
      ] as const)
        equal((await ask({ operation, group, command })).map.rc, 8, `${operation} ${group} ${command}`);
      equal(JSON.stringify([store.calls, await client.list()]), before);
    });
  });

  it("resets once the answer is there and the client could leave, and not within 5 s of a start", async () => {
    await managed(async ({ client, store, sleep, world }) => {
      await client.reset();
      await sleep(4000 - world.clock.now());
      equal(store.resets, 0);
      await sleep(1500);
      equal(store.resets, 1);
      for (let times = 0; times < 5; times++) await client.reset();
      equal(store.resets, 1);
      await sleep(1000);
      equal(store.resets, 2, "once, however often it was asked for");
    });
  });
});

/** Maps of CBOR have no prototype. */
const map = (fields: CborMap): CborMap => Object.assign(Object.create(null), fields);

describe("management: group 1", () => {
  it("lists, uploads, marks, confirms and erases", async () => {
    await managed(async ({ client, store }) => {
      const before = await client.list();
      equal(before.length, 1);
      equal(before[0]!.version, "1.0.0");
      ok(before[0]!.active && before[0]!.confirmed && !before[0]!.pending);
      const offsets: number[] = [];
      await client.upload(NEW, hashOf(NEW), (offset) => offsets.push(offset));
      equal(offsets.at(-1), NEW.length);
      const [, other] = await client.list();
      equal(other!.version, "2.0.1");
      ok(other!.bootable && !other!.pending);
      await client.mark(other!.hash);
      equal((await client.list())[1]!.pending, true);
      await client.mark(other!.hash, true);
      equal((await client.list())[1]!.permanent, true);
      await client.confirm();
      await client.erase();
      equal((await client.list()).length, 1);
      const info = await client.read([1, 6]);
      equal((info.images as unknown as { max_image_size: number }[])[0]!.max_image_size, store.slotBytes);
    });
  });

  it("goes on with an upload after the link has ended, and answers a repeat with the offset it wants", async () => {
    await managed(async ({ ask, another, client, connection, store }) => {
      const sha = hashOf(NEW);
      const first = { off: 0, len: NEW.length, sha, data: NEW.subarray(0, 400) };
      for (let times = 0; times < 2; times++) {
        equal(
          (await ask({ operation: 2, group: 1, command: 1, map: first })).map.off,
          400,
          "once, and again",
        );
      }
      const early = { off: 700, data: NEW.subarray(700, 800) };
      equal((await ask({ operation: 2, group: 1, command: 1, map: early })).map.off, 400, "out of order");
      equal((await client.write([1, 1], { off: 400, data: NEW.subarray(400, 900) })).off, 900);
      await connection.disconnect();
      const second = await another();
      const offsets: number[] = [];
      await second.client.upload(NEW, sha, (offset) => offsets.push(offset));
      equal(offsets[0], 900, "what was there is not sent again");
      ok(store.list()[1]!.bootable);
      await second.connection.disconnect();
    });
  });

  it("refuses with the errors that clients know", async () => {
    await managed(async ({ ask, store }) => {
      const upload = (fields: object, version = 1) =>
        ask({ version, operation: 2, group: 1, command: 1, map: { ...fields } as CborMap });
      const start = { off: 0, len: NEW.length, sha: hashOf(NEW), data: NEW.subarray(0, 200) };
      for (const [fields, rc, legacy] of [
        [{ ...start, off: undefined }, 20, 3],
        [{ ...start, len: undefined }, 21, 3],
        [{ ...start, data: NEW.subarray(0, 31) }, 22, 3],
        [{ ...start, data: counting(200) }, 23, 3],
        [{ ...start, sha: counting(33) }, 24, 3],
        [{ ...start, len: store.slotBytes + 1 }, 30, 7],
        [{ ...start, len: 100 }, 31, 3],
        [{ ...start, image: 1 }, 14, 3],
        [{ ...start, upgrade: true, data: RUNNING.subarray(0, 100) }, 27, 6],
      ] as const) {
        deepEqual((await upload(fields)).map.err, map({ group: 1, rc }), JSON.stringify(fields));
        const { map: answer } = await upload(fields, 0);
        equal(answer.rc, legacy);
        ok(typeof answer.rsn === "string" && answer.rsn.length > 10);
      }
      equal((await upload({ ...start, off: -1 })).map.rc, 3);
      equal((await upload({ ...start, data: "text" })).map.rc, 3);
      equal(store.upload, undefined, "nothing was begun");
      store.refusal = "battery-low";
      const { map: low } = await upload(start);
      equal(low.rc, 6);
      equal(low.rsn, "refused: battery-low");
      const state = (fields: object) =>
        ask({ operation: 2, group: 1, command: 0, map: { ...fields } as CborMap });
      deepEqual((await state({})).map.err, map({ group: 1, rc: 24 }));
      deepEqual((await state({ hash: counting(32) })).map.err, map({ group: 1, rc: 8 }));
      deepEqual((await state({ hash: hashOf(RUNNING) })).map.err, map({ group: 1, rc: 33 }));
      ok((await state({ hash: hashOf(RUNNING), confirm: true })).map.images);
      const erase = await ask({ operation: 2, group: 1, command: 5, map: { slot: 0 } });
      deepEqual(erase.map.err, map({ group: 1, rc: 14 }));
    });
  });

  it("a client that gives no SHA-256 uploads from the beginning, and hears nothing of a match", async () => {
    await managed(async ({ client, store }) => {
      const first = { off: 0, len: 300, data: NEW.subarray(0, 100) };
      const upload = (fields: object) => client.write([1, 1], fields as CborMap);
      equal((await upload(first)).off, 100);
      equal((await upload({ off: 100, data: NEW.subarray(100, 200) })).off, 200);
      equal((await upload(first)).off, 100, "from the beginning");
      const last = await upload({ off: 100, data: NEW.subarray(100, 300) });
      deepEqual({ ...last }, { off: 300 });
      ok(store.list()[1]!.bootable);
    });
  });

  it("a whole file that does not verify is refused with its reason, and is not tried", async () => {
    await managed(async ({ client, store }) => {
      store.problem = "wrong-board";
      await rejects(client.upload(NEW, hashOf(NEW)), { rc: 3, message: "refused: wrong-board" });
      equal((await client.list())[1]!.bootable, false);
      await rejects(client.mark(hashOf(NEW)), { message: "its signature is not its key's" });
      store.problem = undefined;
      await rejects(client.upload(bundleOf([3, 0, 0], 600), counting(32)), { rc: 9 });
    });
  });

  it("two clients at once: one uploads, the other waits; its pause or its end gives way", async () => {
    await managed(async ({ another, client, store, sleep, connection }) => {
      store.wait = () => sleep(50);
      const other = await another();
      const theirs = bundleOf([3, 0, 0], 1000);
      const uploading = client.upload(NEW, hashOf(NEW));
      await sleep(300);
      await rejects(other.client.upload(theirs, hashOf(theirs)), { rc: 10 });
      await rejects(other.client.erase(), { rc: 10 });
      equal((await other.client.list())[0]!.version, "1.0.0", "looking is free");
      await uploading;
      await Promise.all([other.client.upload(theirs, hashOf(theirs)), client.list(), other.client.list()]);
      await client.write([1, 1], { off: 0, len: 3000, sha: hashOf(NEW), data: NEW.subarray(0, 100) });
      await rejects(other.client.erase(), { rc: 10 });
      await sleep(UPLOAD_PAUSE_MS);
      await other.client.erase();
      await client.write([1, 1], { off: 0, len: 3000, sha: hashOf(NEW), data: NEW.subarray(0, 100) });
      await connection.disconnect();
      await sleep(1000);
      await other.client.erase();
      deepEqual(store.overlaps, [], "one operation on the slots at a time");
      await other.connection.disconnect();
    });
  });

  it("two clients that mark different bundles, and a third that erases, at once: one after the other", async () => {
    await managed(async ({ another, client, store, sleep }) => {
      await client.upload(NEW, hashOf(NEW));
      store.wait = () => sleep(300);
      const [second, third] = [await another(), await another()];
      const answers = await Promise.allSettled([
        client.mark(hashOf(NEW)),
        second.client.mark(hashOf(bundleOf([3, 0, 0], 1000))),
        third.client.mark(hashOf(NEW), true),
      ]);
      deepEqual(
        answers.map((answer) => (answer.status === "rejected" ? answer.reason.rc : "marked")),
        ["marked", 5, "marked"],
      );
      const [, other] = await client.list();
      ok(other!.pending && other!.permanent, "the later mark counts");
      const both = await Promise.allSettled([second.client.erase(), third.client.mark(hashOf(NEW))]);
      const list = await client.list();
      const isMarked = list.length === 2;
      equal(list[1]?.pending ?? false, isMarked, "marked, or erased, and nothing between");
      ok(both.some(({ status }) => status === "fulfilled"));
      deepEqual(store.overlaps, []);
      for (const { connection } of [second, third]) await connection.disconnect();
    });
  });

  it("the bundle that runs, uploaded again: it is not tried, and confirming it changes nothing", async () => {
    await managed(async ({ client, store }) => {
      await client.upload(RUNNING, hashOf(RUNNING));
      await rejects(client.mark(hashOf(RUNNING)), { rc: 6, message: "this bundle runs already" });
      await client.mark(hashOf(RUNNING), true);
      deepEqual(
        store.list().map(({ active, confirmed, pending }) => [active, confirmed, pending]),
        [
          [true, true, false],
          [false, false, false],
        ],
      );
      deepEqual(
        store.calls.filter((call) => call === "mark"),
        [],
      );
    });
  });

  it("a client whose first request was refused keeps nobody else from uploading", async () => {
    await managed(async ({ another, client, store }) => {
      const other = await another();
      const garbage = new Uint8Array(100).fill(0x55);
      await client.write([1, 1], { off: 0, len: 3000, data: garbage }).catch(() => undefined);
      await client.write([1, 1], { off: 100, data: garbage }).catch(() => undefined);
      await other.client.upload(NEW, hashOf(NEW));
      equal(store.upload, undefined, "it is whole");
    });
  });

  it("no other client resets the camera in an upload, unless by force; the uploader itself does", async () => {
    await managed(async ({ another, client, store, sleep, connection }) => {
      const other = await another();
      const third = await another();
      const begin = () =>
        client.write([1, 1], { off: 0, len: 3000, sha: hashOf(NEW), data: NEW.subarray(0, 100) });
      await sleep(6000);
      await begin();
      await sleep(1000);
      await rejects(other.client.reset(), { rc: 10, message: /another client uploads/ });
      await rejects(other.client.write([0, 5], { force: 0 }), { rc: 10 });
      equal((await client.write([1, 1], { off: 100, data: NEW.subarray(100, 200) })).off, 200);
      await sleep(1000);
      equal(store.resets, 0);
      await other.client.write([0, 5], { force: 1 });
      await sleep(1000);
      equal(store.resets, 1);
      await client.reset();
      await sleep(1000);
      equal(store.resets, 2, "the uploader's own");
      await rejects(third.client.reset(), { rc: 10 });
      await sleep(UPLOAD_PAUSE_MS);
      await other.client.reset();
      await sleep(1000);
      equal(store.resets, 3, "once the upload rests");
      await begin();
      await connection.disconnect();
      await sleep(1000);
      await third.client.reset();
      await sleep(1000);
      equal(store.resets, 4, "once its client has gone");
      for (const { connection: link } of [other, third]) await link.disconnect();
    });
  });

  it("the console says why uploads are refused, four times for each link", async () => {
    await managed(async ({ another, camera, client, store }) => {
      const lines = () =>
        camera.platform.console
          .filter(({ message }) => message.includes("upload is refused"))
          .map(({ level, message }) => `${level} ${message}`);
      store.problem = "wrong-board";
      await rejects(client.upload(NEW, hashOf(NEW)), { rc: 3 });
      store.problem = undefined;
      deepEqual(lines(), ["warning update: an upload is refused: refused: wrong-board"]);
      for (let times = 0; times < 10; times++)
        await rejects(client.write([1, 1], { off: 0, len: 3000, data: counting(100) }), { rc: 3 });
      equal(lines().length, REFUSAL_LINES_MAX);
      equal(lines()[1], "warning update: an upload is refused: this is not a signed bundle");
      const other = await another();
      await rejects(other.client.write([1, 1], { off: 0, data: NEW.subarray(0, 100) }), { rc: 3 });
      equal(lines().length, REFUSAL_LINES_MAX + 1, "each link has its own");
      await other.connection.disconnect();
    });
  });

  it("erases a slot 20 times at once, and then once a minute", async () => {
    await managed(async ({ client, sleep }) => {
      for (let times = 0; times < 20; times++) await client.erase();
      await rejects(client.erase(), { rc: 10 });
      await rejects(client.upload(NEW, hashOf(NEW)), { rc: 10 });
      await sleep(60_000);
      await client.erase();
    });
  });

  it("marks a bundle for a trial as often, for each mark is written", async () => {
    await managed(async ({ client, store, sleep }) => {
      await client.upload(NEW, hashOf(NEW));
      const { hash } = store.list()[1]!;
      const mark = (turn: number) => client.write([1, 0], { hash, confirm: turn % 2 === 0 });
      for (let turn = 0; turn < 19; turn++) await mark(turn);
      await rejects(mark(19), { rc: 10 });
      await sleep(60_000);
      await mark(20);
      await rejects(mark(21), { rc: 10 });
    });
  });
});

describe("management: group 64", () => {
  it("has the last 32 lines of the console, cut, as many as one answer holds", async () => {
    await managed(async ({ client, lines }) => {
      const read = (from?: number) => client.read([64, 0], from === undefined ? {} : { from });
      deepEqual({ ...(await read()) }, { first: 0, next: 0, lines: [] });
      lines.add("info", "one");
      lines.add("error", "two\n    at application 5f2c01aa+1432");
      deepEqual((await read()).lines, ["info: one", "error: two", "    at application 5f2c01aa+1432"]);
      deepEqual({ ...(await read(3)) }, { first: 3, next: 3, lines: [] });
      deepEqual(
        { ...(await read(1000)) },
        { first: 3, next: 3, lines: [] },
        "a camera that has started again",
      );
      for (let count = 0; count < 50; count++) lines.add("info", `${count} ${"ü".repeat(200)}`);
      const seen: string[] = [];
      for (let from = 3; ; ) {
        const {
          first,
          next,
          lines: more,
        } = (await read(from)) as unknown as {
          readonly first: number;
          readonly next: number;
          readonly lines: string[];
        };
        ok(first >= 21);
        if (more.length === 0) break;
        seen.push(...more);
        from = next;
      }
      equal(seen.length, 32);
      ok(seen.every(({ length }) => length === 160));
      ok(seen[31]!.startsWith("info: 49 "));
    });
  });

  it("says what runs, and what became of the last trial", async () => {
    await managed(async ({ client, store }) => {
      deepEqual({ ...(await client.read([64, 1])) }, { running: "confirmed" });
      Object.assign(store, {
        running: "trial",
        trialLeftMs: 1234.5,
        lastRevert: "The last trial has ended: why.",
        powerOnRecoveries: 2,
      });
      deepEqual(
        { ...(await client.read([64, 1])) },
        { running: "trial", trialLeftMs: 1235, revert: "The last trial has ended: why.", recoveries: 2 },
      );
    });
  });
});

describe("management: who may", () => {
  it("where the image is not open, a link without encryption can neither subscribe nor ask", async () => {
    await managed(
      async ({ connection, store, sleep }) => {
        const service = await connection.service(SERVICE_UUID);
        const characteristic = await service!.characteristic(CHARACTERISTIC_UUID);
        await rejects(characteristic!.subscribe(), { name: "GattError", status: 0x05 });
        await characteristic!.write(requestOf({ operation: 2, group: 1, command: 5 }), { response: false });
        await sleep(1000);
        deepEqual(store.calls, []);
      },
      {
        access: "bonded",
        before: async (_, __, { aioble }) => aioble.config({ autoPair: "never" }),
        isOpened: false,
      },
    );
  });

  it("a bond that was made in a pairing window may, one that nobody attended may not", async () => {
    await managed(
      async ({ client }) => {
        equal(await client.echo("in"), "in");
      },
      {
        access: "bonded",
        before: async (connection, { aioble }) => {
          aioble.security.openPairing({ durationMs: 60_000 });
          await connection.pair();
        },
      },
    );
    await managed(
      async ({ client, camera }) => {
        await rejects(client.echo("out"), { rc: 11 });
        await rejects(client.list(), { rc: 11 });
        const lines = camera.platform.console.filter(({ message }) => message.includes("may not manage"));
        equal(lines.length, 1);
      },
      { access: "bonded", before: (connection) => connection.pair() },
    );
  });

  it("a bond that the application has asked for outside a window may not, unless it is authenticated", async () => {
    for (const isAuthenticated of [false, true]) {
      await managed(
        async ({ camera, client }) => {
          const [bond] = camera.host.bonds!.all();
          deepEqual([bond?.isAttended, bond?.isAuthenticated], [true, isAuthenticated]);
          if (isAuthenticated) equal(await client.echo("in"), "in");
          else await rejects(client.echo("out"), { rc: 11 });
        },
        {
          access: "bonded",
          before: async (connection, camera, central, incoming) => {
            const agent = { display: () => {}, compare: () => true };
            central.aioble.security.agent = agent;
            if (isAuthenticated) camera.aioble.security.agent = agent;
            await incoming.pair({ mitm: isAuthenticated });
            equal(connection.encrypted, true);
          },
        },
      );
    }
  });
});
