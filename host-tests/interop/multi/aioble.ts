/** The client's side of multitests of aioble; the camera's is applications/multitests/aioble.ts. */
import assert from "node:assert/strict";
import { CHAR, CHAR2, CHAR3, NAME, SYNC } from "../applications/multitests/names.ts";
import { failsWith } from "../clients.ts";
import type { Script } from "./script.ts";

/** Long enough for the camera to say something, were it wrong. */
const SILENCE_MS = 300;
const INVALID_ATTRIBUTE_VALUE_LENGTH = 0x0d;
const rounds = [0, 1, 2, 3, 4];

const writeOrder: Script = async (client, camera) => {
  await client.connect(NAME);
  for (const round of rounds) {
    await client.write(CHAR, `c${round}`);
    await client.write(CHAR2, `c${round}`);
  }
  for (const round of rounds) {
    await client.write(CHAR2, `r${round}`);
    await client.write(CHAR, `r${round}`);
  }
  await camera.said("written: first r4");
  await client.disconnect();
  assert.deepEqual(camera.lines(), [
    ...rounds.flatMap((round) => [`written: first c${round}`, `written: second c${round}`]),
    ...rounds.flatMap((round) => [`written: second r${round}`, `written: first r${round}`]),
  ]);
};

const writeCapture: Script = async (client, camera) => {
  await client.connect(NAME);
  for (const uuid of [CHAR, CHAR2]) {
    for (const round of rounds) await client.write(uuid, `central${round}`);
  }
  assert.equal(await client.disconnected(), 0x13);
  await camera.said("captured: central4");
  const [first, second, ...others] = camera.lines();
  assert.equal(first, "written: central0");
  assert.match(second ?? "", /^written: central[1-4]$/, "one of those that came while the camera slept");
  assert.deepEqual(
    others,
    rounds.map((round) => `captured: central${round}`),
  );
};

const bufferedCharacteristic: Script = async (client, camera) => {
  await client.connect(NAME);
  await failsWith(INVALID_ATTRIBUTE_VALUE_LENGTH, client.write(CHAR, `central1-${"a".repeat(29)}`));
  await client.write(CHAR, "central1-bbbbbbbbbbb");
  const wide = ["a", "b", "c", "d"].map((letter) => `central2-${letter.repeat(29)}`);
  for (const [index, value] of wide.entries()) {
    if (index === 2) assert.ok((await client.exchangeMtu(100)) >= 100);
    await client.write(CHAR2, value);
    await camera.said(`wide: ${value}`);
  }
  await client.write(CHAR3, `central3-${"a".repeat(29)}`);
  await client.write(CHAR3, `central3-${"b".repeat(29)}`);
  await camera.said(`added: central3-${"a".repeat(29)}central3-${"b".repeat(29)}`);
  await client.disconnect();
  assert.equal(camera.lines()[0], "small: central1-bbbbbbbbbbb");
};

const notify: Script = async (client, camera) => {
  await client.connect(NAME);
  const goOn = () => client.write(SYNC, "");
  await goOn();
  await camera.said("before-subscribe");
  await client.silence(SILENCE_MS);
  await client.subscribe(CHAR, "notification");
  await goOn();
  assert.deepEqual(await client.heard(), { kind: "notification", uuid: CHAR, text: "after-subscribe" });
  await client.subscribe(CHAR, "none");
  await goOn();
  await camera.said("after-unsubscribe");
  await client.silence(SILENCE_MS);
  await client.subscribe(CHAR, "notification");
  for (const round of rounds) {
    await goOn();
    for (const count of round === 2 ? [0, 1, 2] : [0]) {
      assert.equal((await client.heard()).text, `direct-${round}-${count}`);
    }
  }
  await client.silence(SILENCE_MS);
  await client.disconnect();
};

const descriptor: Script = async (client, camera) => {
  await client.connect(NAME);
  assert.equal(await client.read(CHAR), "periph0");
  assert.equal(await client.readDescriptor(CHAR, CHAR2), "desc_periph0");
  assert.equal(await client.readDescriptor(CHAR, CHAR3), "desc_periph1");
  await client.write(CHAR, "central0");
  await camera.said("characteristic: central0");
  await client.writeDescriptor(CHAR, CHAR3, "desc_central0");
  await camera.said("descriptor: desc_central0");
  assert.equal(await client.readDescriptor(CHAR, CHAR3), "desc_central0");
  await client.disconnect();
};

const shutdown: Script = async (client, camera) => {
  for (const round of [0, 1, 2]) {
    await client.connect(NAME);
    assert.equal(await client.read(CHAR), `periph${round}`);
    await client.write(SYNC, "");
    if (round < 2) await client.disconnect();
    else assert.equal(await client.disconnected(), 0x15, "remote device terminated: power off");
    await camera.said(`stopped ${round}`);
  }
};

const reregister: Script = async (client, camera) => {
  for (const round of [0, 1, 2]) {
    await client.connect(NAME);
    assert.equal(await client.read(CHAR), "hello");
    assert.equal(await client.read(CHAR2), `periph${round}`);
    await client.write(CHAR2, `central${round}`);
    await client.disconnect();
    await camera.said(`stopped ${round}`);
  }
};

/** By "aioble" and the name of the original. */
export const aiobleScripts: Readonly<Record<string, Script>> = {
  "aioble ble_write_order": writeOrder,
  "aioble ble_write_capture": writeCapture,
  "aioble ble_buffered_characteristic": bufferedCharacteristic,
  "aioble ble_notify": notify,
  "aioble ble_descriptor": descriptor,
  "aioble ble_shutdown": shutdown,
  "aioble ble_reregister": reregister,
};
