/** What peers can make the host keep is bounded in bytes, over all links together, and shared fairly. */
import type { Core } from "../../firmware/aioble/core.ts";
import { ENDED_LINK_BYTES, ITEM_OVERHEAD } from "../../firmware/ble/budget.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { le16 } from "../support/bytes.ts";
import { ATT, createConnectedRig, HANDLE, type Rig } from "../support/rig.ts";
import { completedPackets } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const FIRST = HANDLE;
const SECOND = HANDLE + 1;
/** That of mps2-an500: a fifth of the heap's floor. */
const PEER_BYTES = 29_491;

async function setUp(peerBytes = PEER_BYTES, captureBytes?: number) {
  let parts: ReturnType<typeof register> | undefined;
  const rig = await createConnectedRig(
    (prepared) => {
      parts = register(prepared);
    },
    FIRST,
    peerBytes,
    captureBytes,
  );
  const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(SECOND);
  await advertised;
  const { value, captured, sure } = parts!;
  const handleOf = ({ uuid }: { readonly uuid: UUID }): number => {
    for (let handle = 1; ; handle++) if (rig.host.gatt.at(handle)?.type.equals(uuid)) return handle;
  };
  const handles = { value: handleOf(value), captured: handleOf(captured), sure: handleOf(sure) };
  for (const link of [FIRST, SECOND]) {
    equal((await rig.exchange(ATT, [0x02, ...le16(517)], link)).length, 1);
    deepEqual(await rig.exchange(ATT, [0x12, ...le16(handles.value + 1), 1, 0], link), ["13"]);
  }
  const lines = () => rig.log.filter(([, message]) => message.startsWith("host: link"));
  return { rig, value, captured, sure, handles, lines };
}

function register({ aioble }: Rig) {
  const { BufferedCharacteristic, Characteristic, registerServices, Service } = aioble;
  const service = new Service(new UUID(0xff00));
  const value = new BufferedCharacteristic(service, new UUID(0xff01), {
    read: true,
    write: true,
    notify: true,
    maxLen: 512,
  });
  const captured = new Characteristic(service, new UUID(0xff02), {
    write: true,
    capture: true,
    initial: new Uint8Array(512),
  });
  const sure = new Characteristic(service, new UUID(0xff03), { indicate: true });
  registerServices(service);
  return { value, captured, sure };
}

const write = (handle: number, length: number, first: number): number[] => [
  0x12,
  ...le16(handle),
  first,
  ...new Uint8Array(length - 1),
];

describe("what peers make the camera keep", () => {
  it("updates to clients that take nothing stay within the budget, each is logged once, and is served again later", async () => {
    const { rig, value, handles, lines } = await setUp();
    const { controller, host, aioble } = rig;
    controller.autoComplete = false;
    for (let count = 0; count < 100; count++)
      value.write(new Uint8Array(512).fill(count), { sendUpdate: true });
    await rig.settle();
    const { peers, gatt } = aioble.counters();
    ok(peers.held <= peers.size && peers.held > peers.size / 2, `${peers.held} of ${peers.size}`);
    equal(peers.size, PEER_BYTES);
    ok(gatt.droppedUpdates > 150);
    deepEqual(
      lines()
        .map(([level, message]) => [level, message.replace(/\d+ bytes/, "… bytes")])
        .sort(),
      [FIRST, SECOND].map((link) => [
        "warning",
        `host: link ${link} keeps … bytes, its share of the ${PEER_BYTES} that peers may keep: what comes next for it is dropped until some of it has gone`,
      ]),
    );
    controller.autoComplete = true;
    for (const link of [FIRST, SECOND]) controller.deliver(completedPackets([link, 4]));
    await rig.settle();
    equal(host.budget.held, 0);
    equal((await rig.exchange(ATT, [0x0a, ...le16(handles.value)], FIRST)).length, 1);
  });

  it("a client that fills its share leaves the other one what it is guaranteed", async () => {
    const { rig, handles, value } = await setUp();
    const { controller, host } = rig;
    controller.autoComplete = false;
    for (let count = 0; count < 100; count++) value.write(new Uint8Array(512), { sendUpdate: true });
    await rig.settle();
    controller.deliver(completedPackets([SECOND, 4]));
    controller.autoComplete = true;
    await rig.settle();
    const prepare = [0x16, ...le16(handles.value), 0, 0, ...new Uint8Array(512)];
    for (let part = 0; part < 4; part++) {
      const [answer] = await rig.exchange(ATT, prepare, SECOND);
      equal(answer!.slice(0, 2), "17", `part ${part}`);
    }
    deepEqual(await rig.exchange(ATT, prepare, SECOND), [`01 16 ${hex16(handles.value)} 09`]);
    ok(host.budget.held <= PEER_BYTES);
    await rig.disconnect(SECOND);
    await rig.disconnect(FIRST);
    equal(host.budget.held, 0);
  });

  it("four clients that prepare, ask and send pieces while they take nothing never exceed the budget", async () => {
    const { rig, handles, value } = await setUp(37_683);
    const { controller, host, aioble } = rig;
    const links = [FIRST, SECOND, SECOND + 1, SECOND + 2];
    for (const link of links.slice(2)) {
      const advertised = aioble.advertise({ intervalUs: 100_000 });
      await rig.settle();
      await rig.connect(link);
      await advertised;
      equal((await rig.exchange(ATT, [0x02, ...le16(517)], link)).length, 1);
    }
    controller.autoComplete = false;
    const prepare = [0x16, ...le16(handles.value), 0, 0, ...new Uint8Array(20)];
    const { size } = aioble.counters().peers;
    for (let count = 0; count < 70; count++) {
      for (const link of links) {
        await rig.exchange(ATT, prepare, link);
        await rig.exchange(ATT, [0x0a, ...le16(handles.value)], link);
        const frame = [...le16(500), ...le16(ATT), ...write(handles.captured, 96, 1)];
        controller.deliver(Uint8Array.of(0x02, ...le16(link | 0x2000), ...le16(frame.length), ...frame));
        await rig.settle();
        ok(host.budget.held <= size, `${host.budget.held} of ${size}`);
      }
      value.write(new Uint8Array(512).fill(count), { sendUpdate: true });
      ok(host.budget.held <= size, `${host.budget.held} of ${size}`);
    }
    ok(aioble.counters().peers.peak > size * 0.8 && aioble.counters().peers.refused > 0);
    for (const link of links) await rig.disconnect(link);
    equal(host.budget.held, 0);
    equal(host.budget.beyond, 0);
  });

  it("notify rejects with send-queue-full, whatever the count, and nothing is lost that was accepted", async () => {
    const { rig, value } = await setUp(8000);
    const { controller, aioble } = rig;
    const [connection] = value.subscribers;
    controller.autoComplete = false;
    const sent: Promise<unknown>[] = [];
    while (sent.length < 32) sent.push(value.notify(connection!, new Uint8Array(512)));
    const outcomes = Promise.all(sent.map((each) => each.then(() => "sent").catch((error) => error.code)));
    await rig.settle();
    controller.autoComplete = true;
    for (const link of [FIRST, SECOND]) controller.deliver(completedPackets([link, 4]));
    await rig.settle();
    const all = await outcomes;
    const accepted = all.filter((outcome) => outcome === "sent").length;
    equal(accepted + all.filter((outcome) => outcome === "send-queue-full").length, 32);
    ok(accepted >= 2 && accepted < 10, `${accepted}`);
    equal(aioble.counters().peers.held, 0);
  });

  it("captured writes of one client go before those of another, and are counted", async () => {
    const { rig, captured, handles } = await setUp(8000);
    const { aioble, host } = rig;
    deepEqual(await rig.exchange(ATT, write(handles.captured, 20, 99), SECOND), ["13"]);
    for (let count = 0; count < 8; count++) {
      deepEqual(await rig.exchange(ATT, write(handles.captured, 500, count), FIRST), ["13"]);
    }
    const { capture, peers } = aioble.counters();
    ok(capture.droppedWrites > 0 && capture.droppedWrites < 8);
    equal(captured.droppedWrites, capture.droppedWrites);
    ok(peers.held <= 8000);
    const first: number[] = [];
    for (let left = 9 - capture.droppedWrites; left > 0; left--)
      first.push((await captured.written()).data[0]!);
    deepEqual(first.slice(0, 2), [99, capture.droppedWrites]);
    equal(host.budget.held, 0);
  });

  for (const captureQueueSize of [10, 10_000]) {
    it(`devices that write a byte and leave hold no more connections than there is memory for, with a queue of ${captureQueueSize}`, async () => {
      const { rig, captured, handles } = await setUp(PEER_BYTES, 40_000);
      const { aioble, host } = rig;
      aioble.config({ captureQueueSize });
      const room = captureQueueSize > 10 ? 40_000 : PEER_BYTES / 2;
      await rig.disconnect(SECOND);
      for (let round = 0; round < 40; round++) {
        const advertised = aioble.advertise({ intervalUs: 100_000 });
        await rig.settle();
        await rig.connect(SECOND);
        await advertised;
        deepEqual(await rig.exchange(ATT, write(handles.captured, 1, round), SECOND), ["13"]);
        await rig.disconnect(SECOND);
        ok(host.budget.beyond <= PEER_BYTES / 2, `${host.budget.beyond}`);
      }
      const taken: number[] = [];
      const kept = 40 - captured.droppedWrites;
      while (taken.length < kept) taken.push((await captured.written()).data[0]!);
      equal(kept, Math.floor(room / (1 + ITEM_OVERHEAD + ENDED_LINK_BYTES)));
      equal(taken[0], 40 - kept);
      equal(host.budget.held, 0);
    });
  }

  it("requests that do not await the answer before them are counted", async () => {
    const { rig, value, handles } = await setUp();
    let decide = (_code: number): void => undefined;
    value.onWrite = () =>
      new Promise((resolve) => {
        decide = resolve;
      });
    deepEqual(await rig.exchange(ATT, write(handles.value, 5, 1), FIRST), []);
    for (let count = 0; count < 3; count++) await rig.exchange(ATT, write(handles.value, 5, 2), FIRST);
    equal(rig.aioble.counters().gatt.droppedRequests, 3);
    rig.controller.sent.length = 0;
    decide(0);
    await rig.settle();
    equal(value.read()[0], 1);
    equal(rig.aioble.counters().gatt.droppedRequests, 3);
  });

  it("a frame in pieces counts, whole or given up", async () => {
    const { rig, handles } = await setUp();
    const { controller, host } = rig;
    const frame = [...le16(500), ...le16(ATT), ...write(handles.captured, 96, 1)];
    controller.deliver(Uint8Array.of(0x02, ...le16(FIRST | 0x2000), ...le16(frame.length), ...frame));
    await rig.settle();
    equal(host.budget.held, 504 + ITEM_OVERHEAD);
    await rig.disconnect(FIRST);
    equal(host.budget.held, 0);
    equal(rig.aioble.counters().l2cap.droppedFrames, 0);
  });

  it("indications that an application does not await stay within it, and each gives its bytes back in every end that it has", async () => {
    const { rig, sure, handles, lines } = await setUp();
    const { aioble, controller, host } = rig;
    const link = host.connections.get(FIRST)!;
    const connection = [
      ...(sure as unknown as { registration: { core: Core } }).registration.core.connections.values(),
    ].find((one) => one.link === link)!;
    deepEqual(await rig.exchange(ATT, [0x12, ...le16(handles.sure + 1), 2, 0], FIRST), ["13"]);
    const begin = (count: number) =>
      Array.from({ length: count }, () => {
        const outcome = { is: "waiting" };
        sure.indicate(connection, new Uint8Array(512), { timeoutMs: 60_000 }).then(
          (sent) => {
            outcome.is = String(sent);
          },
          (error) => {
            outcome.is = error.code;
          },
        );
        return outcome;
      });
    const all = begin(32);
    await rig.settle();
    const waiting = all.filter(({ is }) => is === "waiting").length;
    const { held, size, refused } = aioble.counters().peers;
    ok(waiting > 4 && waiting < 32, `${waiting} wait`);
    deepEqual(new Set(all.slice(waiting).map(({ is }) => is)), new Set(["send-queue-full"]));
    equal(held, waiting * (512 + ITEM_OVERHEAD));
    ok(held <= size && refused === 32 - waiting);
    equal(lines().length, 1);
    // Each confirmation brings the next, until none is left.
    for (let count = 0; count < waiting; count++) {
      equal(all[count]!.is, "waiting");
      await rig.exchange(ATT, [0x1e], FIRST);
      equal(all[count]!.is, "true");
      controller.sent.length = 0;
    }
    equal(host.budget.held, 0);
    // By their own timeouts but for the first, which has left; then by the end of the link.
    const short = [
      sure.indicate(connection, "x"),
      sure.indicate(connection, "y"),
      sure.indicate(connection, "z"),
    ];
    const ends = Promise.all(short.map((wait) => rejects(wait, { code: "timeout" })));
    await rig.clock.advance(1000);
    await ends;
    equal(host.budget.held, 1 + ITEM_OVERHEAD);
    begin(3);
    await rig.settle();
    equal(host.budget.held, 1 + ITEM_OVERHEAD + 3 * (512 + ITEM_OVERHEAD));
    await rig.disconnect(FIRST);
    equal(host.budget.held, 0);
    equal(host.budget.beyond, 0);
  });
});

const hex16 = (value: number): string =>
  le16(value)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
