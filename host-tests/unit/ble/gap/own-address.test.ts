/** The random address that legacy advertising, scanning and connecting share. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  createResolvableAddress,
  findResolvingKey,
  isResolvableAddress,
} from "../../../../firmware/ble/gap/address.ts";
import { Advertiser } from "../../../../firmware/ble/gap/advertiser.ts";
import { ADDRESS_MODE, OwnAddresses } from "../../../../firmware/ble/gap/own-address.ts";
import { ResolvableAddress } from "../../../../firmware/ble/gap/resolvable-address.ts";
import { SupportedStates } from "../../../../firmware/ble/gap/supported-states.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { ENABLE, ENABLE_OFF, ENABLE_ON } from "../../../support/advertising.ts";
import { beginSession } from "../../../support/hci.ts";
import { commandComplete, ScriptedController } from "../../../support/scripted-controller.ts";

const SET_ADDRESS = "01 05 20 06";
const NONE = new Uint8Array(0);
const BEACON = { intervalUs: 100_000, connectable: false, advData: NONE, respData: NONE };

async function createScene() {
  const controller = new ScriptedController();
  const settle = () => controller.settle();
  const clock = new VirtualClock(settle);
  const hci = new Hci(
    { transport: controller, clock, log: () => {} },
    { data: { receive: () => true, completed() {}, completedOne() {}, drain() {} }, onFailure() {} },
  );
  let drawn = 1;
  const addresses = new OwnAddresses({
    hci,
    aes128: simulatedCrypto.aes128,
    records: { get: () => Uint8Array.of(0xc1, 1, 1, 1, 1, 1), set() {}, delete: () => false, keys: () => [] },
    uniqueId: () => new Uint8Array(8),
    random: (length) => new Uint8Array(length).fill(++drawn),
    log: () => {},
  });
  const settings: { addrMode: number } = { addrMode: ADDRESS_MODE.NON_RESOLVABLE };
  const lost: unknown[] = [];
  const advertiser = new Advertiser({
    hci,
    links: { size: 0 },
    addresses,
    states: new SupportedStates({ hci, links: { values: () => [] } }),
    settings,
    log: () => {},
  });
  const set = advertiser.acquire({ onEnded: (end) => lost.push(end), take: () => true })!;
  const user = { isOnAir: false, suspend: async () => {}, resume: async () => {} };
  advertiser.begin(9);
  beginSession(hci, controller);
  await Promise.all([addresses.begin(), settle()]);
  /** Runs an operation to its end and returns the first five bytes of what it sent, or what another user did. */
  const run = async (operation: () => Promise<unknown>): Promise<string[]> => {
    await Promise.all([operation(), settle()]);
    return controller.take().map((packet) => packet.slice(0, 14));
  };
  /** A user that says in the list of packets what it does. */
  const join = (name: string): void => {
    const say = async (what: string): Promise<void> => {
      controller.sent.push(Uint8Array.from(`${name}${what}`, (letter) => letter.charCodeAt(0)));
    };
    addresses.join({ isOnAir: true, suspend: () => say("-"), resume: () => say("+") });
  };
  controller.take();
  return { controller, clock, settle, settings, addresses, advertiser, set, user, lost, run, join };
}

describe("OwnAddresses: one random address for all that is on the air (Vol 4, Part E, 7.8.4)", () => {
  it("another user leaves the air for a change, and goes back to it", async () => {
    const { set, run, join } = await createScene();
    join("s");
    const sent = await run(() => set.start(BEACON));
    assert.deepEqual(sent.slice(0, 3), ["73 2d", `${SET_ADDRESS} 02`, "73 2b"]);
    assert.equal(sent.at(-1), ENABLE_ON);
  });

  it("no one is disturbed when the address stays", async () => {
    const { addresses, user, run, join } = await createScene();
    join("s");
    const own = addresses.forAdvertising(ADDRESS_MODE.STATIC_RANDOM, true);
    assert.deepEqual(await run(() => addresses.exclusive(() => addresses.apply(own, user))), []);
    const publicAddress = addresses.forAdvertising(ADDRESS_MODE.PUBLIC, true);
    assert.deepEqual(await run(() => addresses.exclusive(() => addresses.apply(publicAddress, user))), []);
  });

  it("advertising pauses for the change that another user needs", async () => {
    const { addresses, advertiser, set, run, user } = await createScene();
    await run(() => set.start(BEACON));
    const own = addresses.forAdvertising(ADDRESS_MODE.STATIC_RANDOM, true);
    assert.deepEqual(await run(() => addresses.exclusive(() => addresses.apply(own, user))), [
      ENABLE_OFF,
      `${SET_ADDRESS} 01`,
      ENABLE_ON,
    ]);
    assert.equal(advertiser.advertising, true);
  });

  it("a change waits until the start of another user is through", async () => {
    const { addresses, set, run, user } = await createScene();
    const own = addresses.forAdvertising(ADDRESS_MODE.STATIC_RANDOM, true);
    const sent = await run(() =>
      Promise.all([set.start(BEACON), addresses.exclusive(() => addresses.apply(own, user))]),
    );
    const order = sent.filter((packet) => packet.startsWith(SET_ADDRESS) || packet.startsWith("01 0a 20"));
    assert.deepEqual(order, [`${SET_ADDRESS} 02`, ENABLE_ON, ENABLE_OFF, `${SET_ADDRESS} 01`, ENABLE_ON]);
  });

  it("a refused change leaves the others on the air, and its user hears of it", async () => {
    const { controller, settle, addresses, advertiser, set, run, user } = await createScene();
    await run(() => set.start(BEACON));
    controller.script(0x2005, () => [commandComplete(0x2005, [0x0c])]);
    const own = addresses.forAdvertising(ADDRESS_MODE.STATIC_RANDOM, true);
    const refused = assert.rejects(
      addresses.exclusive(() => addresses.apply(own, user)),
      { status: 0x0c },
    );
    await settle();
    await refused;
    assert.deepEqual(controller.take().at(-1), ENABLE_ON);
    assert.equal(advertiser.advertising, true);
  });

  it("a controller that does not let advertising go on: its owner hears of it", async () => {
    const { controller, settle, addresses, advertiser, set, lost, run, user } = await createScene();
    await run(() => set.start(BEACON));
    const own = addresses.forAdvertising(ADDRESS_MODE.STATIC_RANDOM, true);
    controller.script(
      ENABLE,
      () => [commandComplete(ENABLE)],
      () => [commandComplete(ENABLE, [0x0c])],
    );
    await Promise.all([addresses.exclusive(() => addresses.apply(own, user)), settle()]);
    assert.equal(lost.length, 1);
    assert.equal(advertiser.advertising, false);
  });
});

describe("OwnAddresses: resolvable private addresses (Vol 3, Part C, 10.7)", () => {
  const IRK = Uint8Array.from({ length: 16 }, (_, at) => at);
  const isOurs = (address: Uint8Array): boolean =>
    findResolvingKey(address, [IRK], simulatedCrypto.aes128) === 0;

  async function createPrivateScene() {
    const scene = await createScene();
    scene.settings.addrMode = ADDRESS_MODE.RESOLVABLE;
    const { addresses, advertiser, clock } = scene;
    let drawn = 0x80;
    const resolvable = new ResolvableAddress(
      {
        clock,
        aes128: simulatedCrypto.aes128,
        settings: { rpaTimeoutMs: 900_000 },
        random: (length) => new Uint8Array(length).fill(++drawn),
        isKnown: () => true,
        key: () => IRK,
        log: () => {},
      },
      addresses,
    );
    addresses.resolvable = resolvable;
    /** The address of a link that came up now. */
    const onAir = (): Uint8Array => advertiser.ownAddress.address!;
    /** Time passes; the first bytes of what was sent, with as much of an address as tells them apart. */
    const pass = (ms: number): Promise<string[]> => scene.run(() => scene.clock.advance(ms));
    return { ...scene, resolvable, onAir, pass };
  }

  it("is what advertising has on the air; it is given up after its time, and advertising goes on", async () => {
    const { set, run, onAir, pass, advertiser } = await createPrivateScene();
    const sent = await run(() => set.start(BEACON));
    assert.match(sent[0]!, /^01 05 20 06/);
    const first = onAir();
    assert.ok(isOurs(first));
    assert.deepEqual(await pass(899_999), []);
    assert.equal(onAir(), first);
    const changed = await pass(1);
    assert.deepEqual(
      changed.map((packet) => packet.slice(0, 11)),
      [ENABLE_OFF, SET_ADDRESS, ENABLE_ON].map((packet) => packet.slice(0, 11)),
    );
    assert.ok(isOurs(onAir()));
    assert.notDeepEqual(onAir(), first);
    assert.equal(advertiser.advertising, true);
    const second = onAir();
    await pass(900_000);
    assert.notDeepEqual(onAir(), second, "and so on");
  });

  it("one for all that is on the air, and all of it pauses for the change", async () => {
    const { addresses, set, run, pass, join, user } = await createPrivateScene();
    join("s");
    await run(() => set.start(BEACON));
    const own = addresses.forAdvertising(ADDRESS_MODE.RESOLVABLE, true);
    assert.deepEqual(await run(() => addresses.exclusive(() => addresses.apply(own, user))), []);
    const changed = await pass(900_000);
    assert.deepEqual(
      changed.map((packet) => packet.slice(0, 5)),
      [ENABLE_OFF, "73 2d", SET_ADDRESS, ENABLE_ON, "73 2b"].map((packet) => packet.slice(0, 5)),
    );
  });

  it("nothing on the air costs no change and no further timer; what starts later has another address", async () => {
    const { clock, set, run, onAir, pass } = await createPrivateScene();
    await run(() => set.start(BEACON));
    const first = onAir();
    await run(() => set.stop());
    assert.deepEqual(await pass(900_000), []);
    assert.equal(clock.pending, 0);
    await run(() => set.start(BEACON));
    assert.notDeepEqual(onAir(), first);
  });

  it("a start within its time keeps it, and it is given up in time all the same", async () => {
    const { set, run, onAir, pass } = await createPrivateScene();
    await run(() => set.start(BEACON));
    const first = onAir();
    await run(() => set.stop());
    await pass(600_000);
    await run(() => set.start(BEACON));
    assert.deepEqual(onAir(), first);
    await pass(300_000);
    assert.notDeepEqual(onAir(), first);
  });

  it("a link has the address that was on the air when it came up, until the change and after it", async () => {
    const { controller, set, run, settle, clock, addresses, advertiser } = await createPrivateScene();
    await run(() => set.start(BEACON));
    const first = advertiser.ownAddress.address!;
    let before: Uint8Array | undefined;
    controller.script(0x2005, () => {
      // A central that came in the last moment is reported before the new address holds.
      before = advertiser.ownAddress.address!;
      return [commandComplete(0x2005)];
    });
    await Promise.all([clock.advance(900_000), settle()]);
    assert.deepEqual(before, first);
    assert.notDeepEqual(advertiser.ownAddress.address, first);
    assert.deepEqual(advertiser.ownAddress, addresses.onAir(advertiser.ownAddress));
  });

  it("renew changes it at once; a refusal leaves the old one, and the log says so", async () => {
    const { controller, resolvable, set, run, settle, onAir, advertiser } = await createPrivateScene();
    await run(() => set.start(BEACON));
    const first = onAir();
    await run(async () => resolvable.renew());
    const second = onAir();
    assert.notDeepEqual(second, first);
    controller.script(0x2005, () => [commandComplete(0x2005, [0x0c])]);
    resolvable.renew();
    await settle();
    assert.deepEqual(onAir(), second);
    assert.equal(advertiser.advertising, true);
  });

  it("after a reset of the controller there is another", async () => {
    const { addresses, set, run, onAir } = await createPrivateScene();
    await run(() => set.start(BEACON));
    const first = onAir();
    await run(() => set.stop());
    await run(() => addresses.begin());
    await run(() => set.start(BEACON));
    assert.notDeepEqual(onAir(), first);
  });

  it("the two bits above and the rest are as they must be, whatever is drawn (Vol 6, Part B, 1.3.2.2)", () => {
    const draws = [
      [0x00, 0, 0],
      [0xff, 0xff, 0xff],
      [0xc0, 0, 0],
      [0x80, 0, 1],
    ];
    const address = createResolvableAddress(IRK, simulatedCrypto.aes128, () =>
      Uint8Array.from(draws.shift()!),
    );
    assert.deepEqual([...address.subarray(0, 3)], [0x40, 0, 1]);
    assert.ok(isOurs(address));
    assert.ok(isResolvableAddress(address));
  });
});
