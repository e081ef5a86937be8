import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type Access,
  mayCommand,
  mayRead,
  maySubscribe,
  mayWrite,
  needsAuthorization,
  type Requirement,
  type Requirements,
} from "../../../../firmware/ble/gatt/access.ts";
import type { CharacteristicDefinition } from "../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../firmware/ble/gatt/types.ts";
import { type LinkSecurity, UNENCRYPTED } from "../../../../firmware/ble/security.ts";
import { UUID } from "../../../../firmware/ble/uuid.ts";
import { counting, le16 } from "../../../support/bytes.ts";
import { ALL, CCCD, type Client, createClient, error, VALUE } from "../../../support/gatt.ts";
import { HANDLE } from "../../../support/rig.ts";

const AUTHENTICATION = 0x05;
const AUTHORIZATION = 0x08;
const KEY_SIZE = 0x0c;
const ENCRYPTION = 0x0f;

const WITH_KEY: LinkSecurity = { ...UNENCRYPTED, hasKey: true };
const encrypted = (keySize = 16, isAuthenticated = false, isSecureConnections = false): LinkSecurity => ({
  ...UNENCRYPTED,
  isEncrypted: true,
  isAuthenticated,
  isSecureConnections,
  keySize,
  hasKey: true,
});

/** A value that may be read and written as far as the link offers what is required. */
function attribute(requirements: Requirements | undefined, readable = true) {
  return { readable, writable: true, writableWithoutResponse: true, requirements };
}

describe("access: what a link must offer (Vol 3, Part C, 10.3.1, Table 10.2)", () => {
  const TABLE: readonly (readonly [string, LinkSecurity, Requirement, number])[] = [
    ["nothing required", UNENCRYPTED, {}, 0],
    ["encryption, a plain link without a key", UNENCRYPTED, { encryption: true }, AUTHENTICATION],
    ["encryption, a plain link with a key", WITH_KEY, { encryption: true }, ENCRYPTION],
    ["encryption, an encrypted link", encrypted(7), { encryption: true }, 0],
    ["authentication, a plain link with a key", WITH_KEY, { authentication: true }, ENCRYPTION],
    ["authentication, an unauthenticated key", encrypted(), { authentication: true }, AUTHENTICATION],
    ["authentication, an authenticated key", encrypted(16, true), { authentication: true }, 0],
    ["16 bytes, a plain link without a key", UNENCRYPTED, { minKeySize: 16 }, AUTHENTICATION],
    ["16 bytes, a key of 15", encrypted(15), { minKeySize: 16 }, KEY_SIZE],
    ["16 bytes, a key of 16", encrypted(16), { minKeySize: 16 }, 0],
    [
      "secure connections, a plain link without a key",
      UNENCRYPTED,
      { secureConnections: true },
      AUTHENTICATION,
    ],
    ["secure connections, a plain link with a key", WITH_KEY, { secureConnections: true }, ENCRYPTION],
    [
      "secure connections, a key of legacy pairing",
      encrypted(16, true),
      { secureConnections: true },
      AUTHENTICATION,
    ],
    [
      "secure connections, an unauthenticated key of theirs",
      encrypted(16, false, true),
      { secureConnections: true },
      0,
    ],
    ["authorization, which the application is asked for", UNENCRYPTED, { authorization: true }, 0],
  ];
  for (const [name, security, requirement, code] of TABLE) {
    it(`${name}: ${code === 0 ? "allowed" : `0x${code.toString(16)}`}`, () => {
      const all = attribute({ read: requirement, write: requirement });
      assert.equal(mayRead(security, all), code);
      assert.equal(mayWrite(security, all), code);
      assert.equal(mayCommand(security, all), code);
      assert.equal(maySubscribe(security, all), code);
    });
  }

  it("the first that fails answers: encryption, key size, authentication, secure connections", () => {
    const all = attribute({
      read: { encryption: true, authentication: true, secureConnections: true, minKeySize: 16 },
    });
    assert.equal(mayRead(UNENCRYPTED, all), AUTHENTICATION);
    assert.equal(mayRead(WITH_KEY, all), ENCRYPTION);
    assert.equal(mayRead(encrypted(7), all), KEY_SIZE);
    assert.equal(mayRead(encrypted(16), all), AUTHENTICATION);
    assert.equal(mayRead(encrypted(16, true), all), AUTHENTICATION);
    assert.equal(mayRead(encrypted(16, true, true), all), 0);
  });

  it("what the properties forbid is said first, whatever the link offers", () => {
    const none = {
      readable: false,
      writable: false,
      writableWithoutResponse: false,
      requirements: { read: { encryption: true }, write: { encryption: true } },
    };
    for (const security of [UNENCRYPTED, encrypted()]) {
      assert.equal(mayRead(security, none), 0x02);
      assert.equal(mayWrite(security, none), 0x03);
      assert.equal(mayCommand(security, none), 0x03);
    }
  });

  it("subscribing requires what it says, else what reading requires, else what writing does", () => {
    const strict = { encryption: true };
    assert.equal(maySubscribe(UNENCRYPTED, attribute({ read: strict, subscribe: {} })), 0);
    assert.equal(maySubscribe(UNENCRYPTED, attribute({ subscribe: strict })), AUTHENTICATION);
    assert.equal(maySubscribe(UNENCRYPTED, attribute({ read: strict })), AUTHENTICATION);
    assert.equal(maySubscribe(UNENCRYPTED, attribute({ write: strict })), 0, "reading is free");
    assert.equal(maySubscribe(UNENCRYPTED, attribute({ write: strict }, false)), AUTHENTICATION);
  });
});

describe("access: what the application grants (Vol 3, Part C, 10.5)", () => {
  it("is demanded of each access for itself; of subscribing as of reading, or else of writing", () => {
    const demand = { authorization: true };
    const all = (requirements: Requirements, readable = true) =>
      (["read", "write", "subscribe"] as const).map((access) =>
        needsAuthorization(attribute(requirements, readable), access),
      );
    assert.deepEqual(all({}), [false, false, false]);
    assert.deepEqual(all({ read: demand }), [true, false, true]);
    assert.deepEqual(all({ write: demand }), [false, true, false]);
    assert.deepEqual(all({ write: demand }, false), [false, true, true]);
    assert.deepEqual(all({ read: demand, subscribe: {} }), [true, false, false]);
    assert.equal(needsAuthorization(attribute(undefined), "read"), false);
  });

  const OPEN = 19;
  type Grants = (access: Access) => boolean | Promise<boolean>;
  interface Asked {
    readonly client: Client;
    readonly asked: Access[];
    readonly stored: () => readonly number[];
  }

  async function create(grants: Grants, more: Partial<CharacteristicDefinition> = {}): Promise<Asked> {
    const asked: Access[] = [];
    const demand = { authorization: true };
    const client = await createClient([
      {
        properties: ALL,
        maxLength: 40,
        requirements: { read: demand, write: demand },
        ...more,
        hooks: {
          ...more.hooks,
          onAuthorize(_client, access) {
            asked.push(access);
            return grants(access);
          },
        },
      },
      { properties: PROPERTY.READ },
    ]);
    return { client, asked, stored: () => [...client.values[0]!.value] };
  }

  it("no request gets past a refusal, and nobody learns the length of what may not be written", async () => {
    for (const no of [() => false, async () => false, () => 1 as unknown as boolean]) {
      const { client, asked, stored } = await create(no);
      const refused = (request: number, handle = VALUE) => [error(request, handle, AUTHORIZATION)];
      assert.deepEqual(await client.read(), refused(0x0a));
      assert.deepEqual(await client.blob(0), refused(0x0c));
      assert.deepEqual(await client.blob(2), refused(0x0c));
      assert.deepEqual(await client.send([0x0e], le16(OPEN), le16(VALUE)), refused(0x0e));
      assert.deepEqual(await client.send([0x20], le16(VALUE), le16(OPEN)), refused(0x20));
      assert.deepEqual(await client.send([0x08], le16(VALUE), le16(0xffff), [0x6e, 0x2a]), refused(0x08));
      assert.deepEqual(
        await client.send([0x06], le16(1), le16(0xffff), [0x6e, 0x2a, 0, 1, 2, 3]),
        ["07 13 00 13 00"],
        "the open one matches alone",
      );
      assert.deepEqual(await client.write([1]), refused(0x12));
      assert.deepEqual(await client.write(new Uint8Array(20)), refused(0x12));
      assert.deepEqual(await client.command([1]), []);
      assert.deepEqual(await client.prepare(0, [1]), refused(0x16));
      assert.deepEqual(await client.execute(), ["19"], "nothing was prepared");
      assert.deepEqual(await client.write([1, 0], CCCD), refused(0x12, CCCD));
      assert.deepEqual(await client.write([0, 0], CCCD), ["13"], "to end it needs nobody");
      const { updates } = client.rig.host.gatt;
      const { server } = client.rig.host.connections.get(HANDLE)!;
      assert.equal(updates.notify(server, client.values[0]!, new Uint8Array(1), true), "unsubscribed");
      assert.deepEqual(client.sent(), []);
      assert.deepEqual(stored(), [0, 1, 2, 3]);
      assert.deepEqual(
        asked.map((access) => access[0]).join(""),
        "rrrrrr" + "wwww" + "s",
        "each was asked for once",
      );
    }
  });

  it("a length is refused after a grant, and the application's own handlers are asked last", async () => {
    const { client, asked } = await create(() => true, {
      maxLength: 4,
      hooks: { onRead: () => 0x80, onWrite: () => 0x81 },
    });
    assert.deepEqual(await client.read(), [error(0x0a, VALUE, 0x80)]);
    assert.deepEqual(await client.write(new Uint8Array(5)), [error(0x12, VALUE, 0x0d)]);
    assert.deepEqual(await client.write([1]), [error(0x12, VALUE, 0x81)]);
    assert.deepEqual(asked, ["read", "write", "write"]);
  });

  it("who is granted reads and writes in parts with one question each, and executes with another", async () => {
    const { client, asked, stored } = await create(async () => true, { value: counting(40) });
    assert.equal((await client.read())[0]!.length, 23 * 3 - 1);
    assert.equal((await client.blob(22))[0]!.length, 19 * 3 - 1);
    assert.deepEqual(asked, ["read"]);
    await client.prepare(0, [7, 8]);
    await client.prepare(2, [9]);
    assert.deepEqual(asked, ["read", "write"]);
    assert.deepEqual(await client.execute(), ["19"]);
    assert.deepEqual(asked, ["read", "write", "write"]);
    assert.deepEqual(stored(), [7, 8, 9]);
  });

  it("a grant that is taken back before Execute stores nothing", async () => {
    let answer = true;
    const { client, stored } = await create(() => answer);
    await client.prepare(0, [7]);
    answer = false;
    assert.deepEqual(await client.execute(), [error(0x18, VALUE, 0xfc)]);
    assert.deepEqual(stored(), [0, 1, 2, 3]);
  });

  it("who was let subscribe is sent what comes; an exception refuses", async () => {
    const { client } = await create((access) => {
      if (access === "subscribe") return true;
      throw new Error("no");
    });
    assert.deepEqual(await client.write([1, 0], CCCD), ["13"]);
    assert.equal(client.rig.host.gatt.updates.notifySubscribers(client.values[0]!), 1);
    assert.deepEqual(client.sent(), ["1b 10 00 00 01 02 03"]);
    assert.deepEqual(await client.read(), [error(0x0a, 0, 0x0e)]);
    assert.deepEqual(await client.write([1]), [error(0x12, 0, 0x0e)]);
  });
});

describe("access: every request checks it, over the air", () => {
  const strict = { encryption: true };
  const create = (): Promise<Client> =>
    createClient([
      {
        properties: ALL,
        maxLength: 4,
        requirements: { read: strict, write: strict },
        descriptors: [
          {
            uuid: new UUID(0x2901),
            read: true,
            write: true,
            value: new Uint8Array(2),
            maxLength: 2,
            requirements: { write: strict },
          },
        ],
      },
      { properties: PROPERTY.READ },
    ]);
  const DESCRIPTOR = 18;
  const OPEN = 20;

  function secure(client: Client, security: LinkSecurity): void {
    client.rig.host.connections.get(HANDLE)!.server.security = security;
  }

  it("a plain link is refused by each, with the handle to blame", async () => {
    const client = await create();
    const refused = (request: number, handle = VALUE) => [error(request, handle, AUTHENTICATION)];
    assert.deepEqual(await client.read(), refused(0x0a));
    assert.deepEqual(await client.blob(0), refused(0x0c));
    assert.deepEqual(await client.blob(2), refused(0x0c));
    assert.deepEqual(await client.send([0x0e], le16(OPEN), le16(VALUE)), refused(0x0e));
    assert.deepEqual(await client.send([0x20], le16(VALUE), le16(OPEN)), refused(0x20));
    assert.deepEqual(await client.send([0x08, 1, 0, 0xff, 0xff, 0x6e, 0x2a]), refused(0x08));
    assert.deepEqual(await client.write([1]), refused(0x12));
    assert.deepEqual(await client.write(new Uint8Array(5)), refused(0x12), "before the length");
    assert.deepEqual(await client.prepare(0, [1]), refused(0x16));
    assert.deepEqual(await client.write([1, 0], CCCD), refused(0x12, CCCD));
    assert.deepEqual(await client.command([1]), []);
    assert.equal(client.rig.host.gatt.droppedCommands, 1);
    assert.deepEqual(await client.read(DESCRIPTOR), ["0b 00 00"]);
    assert.deepEqual(await client.write([1], DESCRIPTOR), refused(0x12, DESCRIPTOR));
    assert.deepEqual(await client.read(CCCD), ["0b 00 00"], "reading a CCCD is free");
    assert.deepEqual(await client.write([0, 0], CCCD), ["13"], "so is asking for nothing");
  });

  it("discovery shows it, and guessing its value does not (Part F, 3.4.3)", async () => {
    const client = await create();
    const [found] = await client.send([0x04], le16(VALUE), le16(VALUE));
    assert.equal(found, "05 01 10 00 6e 2a");
    const guess = await client.send([0x06, 1, 0, 0xff, 0xff, 0x6e, 0x2a, 0, 1, 2, 3]);
    assert.deepEqual(guess, ["07 14 00 14 00"], "the open one matches alone");
  });

  it("an encrypted link may do everything", async () => {
    const client = await create();
    secure(client, encrypted());
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
    assert.deepEqual(await client.write([1]), ["13"]);
    assert.deepEqual(await client.write([1, 0], CCCD), ["13"]);
    assert.equal(client.rig.host.gatt.updates.notifySubscribers(client.values[0]!), 1);
    assert.deepEqual(client.sent(), ["1b 10 00 01"]);
  });

  it("a link that offers less than it did is sent nothing, by no call, and executes nothing", async () => {
    const client = await create();
    const { updates } = client.rig.host.gatt;
    const { server } = client.rig.host.connections.get(HANDLE)!;
    const [attribute] = client.values;
    secure(client, encrypted());
    await client.write([3, 0], CCCD);
    await client.prepare(0, [9]);
    secure(client, UNENCRYPTED);
    client.sent();
    assert.equal(updates.notifySubscribers(attribute!), 0);
    assert.equal(updates.notify(server, attribute!, new Uint8Array(1)), "unsubscribed");
    assert.equal(updates.notify(server, attribute!, new Uint8Array(1), true), "unsubscribed", "nor by force");
    assert.equal(updates.notifyMultiple(server, [[attribute!, new Uint8Array(1)]]), "unsubscribed");
    const indication = { attribute: attribute!, value: new Uint8Array(1), onConfirmed: () => {} };
    assert.equal(updates.indicate(server, indication, true), "unsubscribed");
    assert.deepEqual(client.sent(), []);
    assert.deepEqual(await client.execute(), [error(0x18, VALUE, 0xfc)]);
    secure(client, encrypted());
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });

  it("a value that is read in parts is checked for each of them", async () => {
    const client = await createClient([
      { requirements: { read: strict }, hooks: { onRead: () => new Uint8Array(60) } },
    ]);
    secure(client, encrypted());
    assert.equal((await client.read())[0]!.split(" ").length, 23);
    secure(client, WITH_KEY);
    assert.deepEqual(await client.blob(22), [error(0x0c, VALUE, ENCRYPTION)]);
  });
});
