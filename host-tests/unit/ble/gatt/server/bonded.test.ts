import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type ClientMemory,
  decodeClientState,
  encodeClientState,
  SUBSCRIPTIONS_MAX,
} from "../../../../../firmware/ble/gatt/server/client-state.ts";
import type { CharacteristicDefinition } from "../../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY, SERVICE_CHANGED_VALUE } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { fromHex } from "../../../../support/bytes.ts";
import {
  CCCD,
  CLIENT_FEATURES,
  type Client,
  createClient,
  error,
  SERVICE_CHANGED,
  SERVICE_CHANGED_CCCD,
  service,
  VALUE,
} from "../../../../support/gatt.ts";
import { HANDLE } from "../../../../support/rig.ts";

const INSUFFICIENT_RESOURCES = 0x11;
const OTHER = { uuid: new UUID(0x2a6f) };

/** What a bond keeps, with a note of what happens to it. */
class Memory implements ClientMemory {
  client: Uint8Array = new Uint8Array(0);
  readonly notes: string[] = [];
  accepts = true;
  onSave: () => void = () => {};

  save(client: Uint8Array, isUrgent: boolean): boolean {
    this.onSave();
    if (!this.accepts) return false;
    this.client = client;
    this.notes.push(isUrgent ? "urgent" : "later");
    return true;
  }

  close(): void {
    this.notes.push("close");
  }

  get subscriptions(): (readonly [number, number])[] {
    const state = decodeClientState(this.client);
    return (state?.subscriptions ?? []).map(({ configuration, handle }) => [handle, configuration] as const);
  }
}

/** The link is encrypted with the key of the bond that has this memory. */
function encrypt({ rig }: Client, memory: ClientMemory): void {
  const { gatt, connections } = rig.host;
  gatt.recall(connections.get(HANDLE)!.server, memory);
}

async function reconnect(client: Client): Promise<void> {
  const { rig } = client;
  await rig.disconnect();
  const connected = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect();
  await connected;
  client.sent();
}

const update = ({ rig, values }: Client): number => rig.host.gatt.updates.notifySubscribers(values[0]!);

/** The same camera after a reboot, perhaps with another application: a new host, a new link. */
function reboot(characteristics: readonly Partial<CharacteristicDefinition>[] = [{}]): Promise<Client> {
  return createClient(characteristics);
}

describe("what is kept of a client, as bytes", () => {
  const state = {
    features: 0x05,
    hash: fromHex("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"),
    subscriptions: [
      { handle: 8, configuration: 2, mark: 0xffffffff },
      { handle: 0x1234, configuration: 3, mark: 1 },
    ],
  };

  it("comes back as it was; anything else is nothing", () => {
    const bytes = encodeClientState(state);
    assert.deepEqual(decodeClientState(bytes), state);
    for (let length = 0; length < bytes.length; length++) {
      const part = decodeClientState(bytes.subarray(0, length));
      assert.equal(part === undefined, (length - 18) % 7 !== 0 || length < 18, `${length} bytes`);
    }
    assert.equal(decodeClientState(bytes.map((byte, at) => (at === 0 ? 2 : byte))), undefined);
    const full = Array.from({ length: SUBSCRIPTIONS_MAX }, () => state.subscriptions[0]!);
    assert.ok(decodeClientState(encodeClientState({ ...state, subscriptions: full })));
    assert.equal(
      decodeClientState(encodeClientState({ ...state, subscriptions: [...full, full[0]!] })),
      undefined,
    );
  });
});

describe("a bonded client's subscriptions (Vol 3, Part G, 3.3.3.3)", () => {
  it("are kept before the Write Response leaves, and hold on the next link once that is encrypted", async () => {
    const memory = new Memory();
    const client = await createClient();
    encrypt(client, memory);
    let sentBefore = -1;
    memory.onSave = () => {
      sentBefore = client.sent().length;
    };
    assert.deepEqual(await client.write([1, 0], CCCD), ["13"]);
    assert.equal(sentBefore, 0);
    assert.deepEqual(memory.notes, ["later", "urgent"]);
    assert.deepEqual(memory.subscriptions, [[VALUE, 1]]);

    await reconnect(client);
    assert.equal(memory.notes.pop(), "close");
    assert.equal(update(client), 0, "nothing before the link is encrypted");
    assert.deepEqual(await client.read(CCCD), ["0b 00 00"], "an address proves nothing");
    assert.deepEqual(client.sent(), []);
    encrypt(client, memory);
    assert.deepEqual(await client.read(CCCD), ["0b 01 00"]);
    assert.equal(update(client), 1);
    assert.deepEqual(client.sent(), ["1b 10 00 00 01 02 03"]);
  });

  it("hold across a reboot, and the application is called once", async () => {
    const memory = new Memory();
    const first = await createClient();
    encrypt(first, memory);
    await first.write([3, 0], CCCD);
    const reports: number[] = [];
    const again = await reboot([
      { hooks: { onSubscribe: (_client, configuration) => void reports.push(configuration) } },
    ]);
    encrypt(again, memory);
    assert.deepEqual(reports, [3]);
    assert.equal(update(again), 1);
    encrypt(again, memory);
    assert.deepEqual(reports, [3], "encrypted once more, with a key that was refreshed");
    assert.deepEqual(await again.write([0, 0], CCCD), ["13"]);
    assert.deepEqual(memory.subscriptions, []);
    const last = await reboot();
    encrypt(last, memory);
    assert.equal(update(last), 0);
  });

  it("what it writes before the link is encrypted counts more than what is recalled", async () => {
    const memory = new Memory();
    const first = await createClient([{}, OTHER]);
    const second = VALUE + 3;
    encrypt(first, memory);
    await first.write([1, 0], CCCD);
    await first.write([1, 0], second + 1);
    const again = await reboot([{}, OTHER]);
    await again.write([0, 0], CCCD);
    await again.write([2, 0], second + 1);
    encrypt(again, memory);
    assert.deepEqual(await again.read(CCCD), ["0b 00 00"]);
    assert.deepEqual(await again.read(second + 1), ["0b 02 00"]);
    await again.rig.disconnect();
    assert.deepEqual(memory.subscriptions, [[second, 2]]);
  });

  it("what it wrote before it bonded belongs to the bond", async () => {
    const memory = new Memory();
    const client = await createClient();
    await client.write([1, 0], CCCD);
    encrypt(client, memory);
    assert.deepEqual(memory.notes, ["urgent"]);
    assert.deepEqual(memory.subscriptions, [[VALUE, 1]]);
  });

  it("one that cannot be kept is refused, and does not hold; the same for its features", async () => {
    const memory = new Memory();
    const client = await createClient();
    encrypt(client, memory);
    memory.accepts = false;
    assert.deepEqual(await client.write([1, 0], CCCD), [error(0x12, 0, INSUFFICIENT_RESOURCES)]);
    assert.deepEqual(await client.read(CCCD), ["0b 00 00"]);
    assert.equal(update(client), 0);
    assert.deepEqual(await client.write([1], CLIENT_FEATURES), [error(0x12, 0, INSUFFICIENT_RESOURCES)]);
    assert.deepEqual(await client.read(CLIENT_FEATURES), ["0b 00"]);
    memory.accepts = true;
    assert.deepEqual(await client.write([1, 0], CCCD), ["13"]);
    assert.deepEqual(await client.write([1], CLIENT_FEATURES), ["13"]);
    const again = await reboot();
    encrypt(again, memory);
    assert.deepEqual(await again.read(CLIENT_FEATURES), ["0b 01"]);
  });

  it("as many as there is room for", async () => {
    const memory = new Memory();
    const all = Array.from({ length: SUBSCRIPTIONS_MAX + 1 }, () => ({ properties: PROPERTY.NOTIFY }));
    const client = await createClient(all);
    encrypt(client, memory);
    const answers: string[] = [];
    for (let at = 0; at < all.length; at++) answers.push(...(await client.write([1, 0], CCCD + 3 * at)));
    const last = CCCD + 3 * SUBSCRIPTIONS_MAX;
    assert.deepEqual(answers.pop(), error(0x12, 0, INSUFFICIENT_RESOURCES));
    assert.deepEqual(new Set(answers), new Set(["13"]));
    const again = await reboot(all);
    encrypt(again, memory);
    assert.deepEqual(await again.read(last - 3), ["0b 01 00"]);
  });

  it("are kept when an indication that is not confirmed silences the link", async () => {
    const memory = new Memory();
    const client = await createClient();
    encrypt(client, memory);
    await client.write([2, 0], CCCD);
    assert.equal(update(client), 1);
    await client.rig.clock.advance(31_000);
    assert.deepEqual(memory.subscriptions, [[VALUE, 2]]);
    assert.equal(memory.notes.filter((note) => note === "close").length, 1);
  });
});

describe("another application, and bonds (Vol 3, Part G, 2.5.2 and 7.1)", () => {
  it("Service Changed never moves", async () => {
    const { generic } = (await createClient()).rig.host.gatt;
    assert.equal(generic.serviceChanged.handle, SERVICE_CHANGED_VALUE);
    assert.equal(SERVICE_CHANGED_VALUE, SERVICE_CHANGED);
  });

  async function bonded(features: number, serviceChanged: boolean): Promise<Memory> {
    const memory = new Memory();
    const client = await createClient([{}]);
    encrypt(client, memory);
    if (features) await client.write([features], CLIENT_FEATURES);
    if (serviceChanged) await client.write([2, 0], SERVICE_CHANGED_CCCD);
    await client.write([1, 0], CCCD);
    return memory;
  }

  it("a client that asked for it is sent Service Changed after the link is encrypted, once", async () => {
    const memory = await bonded(0, true);
    const changed = await reboot([OTHER, {}]);
    assert.deepEqual(changed.sent(), []);
    encrypt(changed, memory);
    assert.deepEqual(changed.sent(), ["1d 08 00 01 00 ff ff"]);
    assert.equal(
      changed.rig.host.gatt.updates.notifySubscribers(changed.values[0]!),
      0,
      "another characteristic",
    );
    assert.deepEqual(await changed.send([0x1e]), []);
    await reconnect(changed);
    encrypt(changed, memory);
    assert.deepEqual(changed.sent(), []);
  });

  it("one that leaves without a confirmation is sent it again, and its subscription comes back with the application", async () => {
    const memory = await bonded(0, true);
    const changed = await reboot([OTHER]);
    encrypt(changed, memory);
    await changed.rig.disconnect();
    assert.deepEqual(memory.subscriptions, [
      [SERVICE_CHANGED_VALUE, 2],
      [VALUE, 1],
    ]);
    const again = await reboot([OTHER]);
    encrypt(again, memory);
    assert.deepEqual(again.sent(), ["1d 08 00 01 00 ff ff"]);
    await again.rig.disconnect();
    const former = await reboot();
    encrypt(former, memory);
    assert.deepEqual(former.sent(), [], "it knows this one");
    assert.equal(update(former), 1);
  });

  it("what is registered after the link was encrypted revives what it finds", async () => {
    const memory = await bonded(0, false);
    const client = await reboot([OTHER]);
    encrypt(client, memory);
    const reports: number[] = [];
    const [[value]] = client.rig.host.gatt.register([
      service({ hooks: { onSubscribe: (_client, configuration) => void reports.push(configuration) } }),
    ]) as [[(typeof client.values)[0]]];
    assert.equal(client.rig.host.gatt.updates.notifySubscribers(value), 1);
    assert.deepEqual(reports, [1]);
  });

  it("a client with robust caching is refused once, is not notified before, and knows from then on", async () => {
    const memory = await bonded(1, false);
    const changed = await reboot([{}, OTHER]);
    encrypt(changed, memory);
    assert.equal(update(changed), 0);
    await changed.command([9]);
    assert.equal(changed.rig.host.gatt.droppedCommands, 1);
    assert.deepEqual(await changed.read(), [error(0x0a, VALUE, 0x12)]);
    assert.deepEqual(await changed.read(), ["0b 00 01 02 03"]);
    assert.equal(update(changed), 1, "what has not moved goes on");
    await reconnect(changed);
    encrypt(changed, memory);
    assert.deepEqual(await changed.read(), ["0b 00 01 02 03"]);
  });

  it("one that has read the Database Hash on this link is not refused", async () => {
    const memory = await bonded(1, false);
    const changed = await reboot([{}, OTHER]);
    await changed.send([0x08, 1, 0, 0xff, 0xff, 0x2a, 0x2b]);
    encrypt(changed, memory);
    assert.deepEqual(await changed.read(), ["0b 00 01 02 03"]);
  });

  it("a bonded client that is connected meanwhile is notified by the registration itself, and it is kept", async () => {
    const memory = await bonded(0, true);
    const client = await reboot();
    encrypt(client, memory);
    client.rig.host.gatt.register([service(OTHER)]);
    assert.deepEqual(client.sent(), ["1d 08 00 01 00 ff ff"]);
    assert.deepEqual(await client.send([0x1e]), []);
    await client.rig.disconnect();
    assert.deepEqual(memory.subscriptions, [[SERVICE_CHANGED_VALUE, 2]]);
    const again = await reboot([OTHER]);
    encrypt(again, memory);
    assert.deepEqual(again.sent(), []);
  });

  it("what is kept that is none of ours is as nothing", async () => {
    const memory = new Memory();
    memory.client = fromHex("07 01 02");
    const client = await reboot();
    encrypt(client, memory);
    assert.deepEqual(await client.write([1, 0], CCCD), ["13"]);
    assert.deepEqual(memory.subscriptions, [[VALUE, 1]]);
  });
});
