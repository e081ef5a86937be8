/** The random address that legacy advertising, scanning and connecting share. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Advertiser } from "../../../../firmware/ble/gap/advertiser.ts";
import { ADDRESS_MODE, OwnAddresses } from "../../../../firmware/ble/gap/own-address.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { ENABLE, ENABLE_OFF, ENABLE_ON } from "../../../support/advertising.ts";
import { beginSession } from "../../../support/hci.ts";
import { commandComplete, ScriptedController } from "../../../support/scripted-controller.ts";

const SET_ADDRESS = "01 05 20 06";
const NONE = new Uint8Array(0);
const BEACON = { intervalUs: 100_000, connectable: false, advData: NONE, respData: NONE };

async function createScene() {
  const controller = new ScriptedController();
  const settle = () => controller.settle();
  const hci = new Hci(
    { transport: controller, clock: new VirtualClock(settle), log: () => {} },
    { data: { receive: () => true, completed() {}, drain() {} }, onFailure() {} },
  );
  let drawn = 0;
  const addresses = new OwnAddresses({
    hci,
    records: { get: () => undefined, set() {}, delete: () => false, keys: () => [] },
    random: (length) => new Uint8Array(length).fill(++drawn),
    log: () => {},
  });
  const settings = { addrMode: ADDRESS_MODE.NON_RESOLVABLE };
  const lost: unknown[] = [];
  const advertiser = new Advertiser({
    hci,
    links: { size: 0 },
    addresses,
    settings,
    log: () => {},
  });
  const set = advertiser.acquire({ onEnded: (end) => lost.push(end), take: () => true })!;
  const user = { suspend: async () => {}, resume: async () => {} };
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
    addresses.join({ suspend: () => say("-"), resume: () => say("+") });
  };
  controller.take();
  return { controller, settle, addresses, advertiser, set, user, lost, run, join };
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
