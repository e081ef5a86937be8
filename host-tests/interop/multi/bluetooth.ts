/** The client's side of MicroPython's multitests; the camera's is applications/multitests/bluetooth.ts. */
import assert from "node:assert/strict";
import { CHAR, CHAR2, NAME, RX, STATE, SYNC, TX } from "../applications/multitests/names.ts";
import type { Script } from "./script.ts";

/** Long enough for the camera to be heard, were it wrong. */
const SILENCE_MS = 300;

const gapAdvertise: Script = async (client, camera) => {
  for (const connectable of [false, true]) {
    while ((await client.find(NAME)).connectable !== connectable);
  }
  await client.connect(NAME);
  await client.write(SYNC, "");
  assert.equal(await client.disconnected(), 0x13);
  await camera.said("off the air");
  await client.offAir(NAME, SILENCE_MS);
};

const gapConnect: Script = async (client, camera) => {
  await client.connect(NAME);
  await client.disconnect();
  await client.link(NAME);
  assert.equal(await client.disconnected(), 0x13);
  assert.equal(await camera.said("address "), `address 1 ${client.address}`);
};

const characteristic: Script = async (client, camera) => {
  await client.connect(NAME);
  assert.equal(await client.read(CHAR), "periph0");
  await client.subscribe(CHAR, "notification");
  await client.write(CHAR, "central0");
  assert.deepEqual(await client.heard(), { kind: "notification", uuid: CHAR, text: "periph1" });
  assert.equal(await client.read(CHAR), "periph1");
  await client.write(CHAR, "central1");
  assert.deepEqual(await client.heard(), { kind: "notification", uuid: CHAR, text: "periph2" });
  assert.equal(await client.read(CHAR), "central1", "what is notified is not stored");
  await client.subscribe(CHAR, "indication");
  await client.write(CHAR, "central2");
  assert.deepEqual(await client.heard(), { kind: "indication", uuid: CHAR, text: "periph3" });
  assert.equal(await client.read(CHAR), "periph3");
  await camera.said("confirmed");
  await client.disconnect();
  const written = ["central0", "central1", "central2"].map((value) => `written: ${value}`);
  assert.deepEqual(camera.lines(), [...written, "confirmed"]);
};

const descriptor: Script = async (client, camera) => {
  await client.connect(NAME);
  assert.equal(await client.read(CHAR), "periph0");
  assert.equal(await client.readDescriptor(CHAR, CHAR2), "desc_periph0");
  await client.write(CHAR, "central0");
  await client.writeDescriptor(CHAR, CHAR2, "desc_central0");
  await client.writeDescriptor(CHAR, CHAR2, "desc_central1");
  await camera.said("written: desc_central1");
  await client.disconnect();
  const written = ["central0", "desc_central0", "desc_central1"].map((value) => `written: ${value}`);
  assert.deepEqual(camera.lines(), written);
};

const gattDataTransfer: Script = async (client, camera) => {
  await client.connect(NAME);
  await client.subscribe(SYNC, "notification");
  await client.subscribe(TX, "notification");
  for (const round of [0, 1, 2, 3]) await client.write(RX, `central${round}`, round % 2 === 1);
  await client.write(SYNC, "OK");
  for (const round of [0, 1, 2, 3]) {
    assert.deepEqual(await client.heard(), { kind: "notification", uuid: TX, text: `message${round}` });
  }
  assert.deepEqual(await client.heard(), { kind: "notification", uuid: SYNC, text: "OK" });
  await client.disconnect();
  assert.equal(await camera.said("received: "), "received: central0central1central2central3");
};

const mtu: Script = async (client, camera) => {
  for (const own of [23, 100, 200, 517]) {
    await client.connect(NAME);
    const agreed = await client.exchangeMtu(150);
    assert.equal(agreed, Math.min(own, client.mtuFor(150)));
    assert.equal(await camera.said(`${own}: `), `${own}: ${agreed}`);
    await client.disconnect();
  }
};

const subscribe: Script = async (client, camera) => {
  await client.connect(NAME);
  assert.equal(await client.read(CHAR), "periph0");
  const round = async (name: string, kind: "none" | "notification" | "indication") => {
    if (name !== "A") await client.subscribe(CHAR, kind);
    await client.write(CHAR, `central${name}`);
    await camera.said(`${name}: central${name}`);
    const { kind: how, text } = await client.heard();
    return `${how} ${text}`;
  };
  assert.equal(await round("A", "none"), "notification periph2", "the one that is forced");
  assert.equal(await round("B", "notification"), "notification periph5");
  assert.equal(await round("C", "indication"), "indication periph7");
  assert.equal(await round("D", "none"), "notification periph10", "the one that is forced");
  await client.silence(SILENCE_MS);
  await client.disconnect();
};

const irqCalls: Script = async (client, camera) => {
  await client.connect(NAME);
  await client.exchangeMtu(100);
  await client.subscribe(STATE, "notification");
  for (const read of ["read 1", "read 2"]) {
    assert.equal(await client.read(STATE), read);
    assert.deepEqual(await client.heard(), { kind: "notification", uuid: STATE, text: read });
  }
  await client.disconnect();
  await camera.said("IRQ_CENTRAL_DISCONNECT");
  assert.deepEqual(camera.lines(), [
    "IRQ_CENTRAL_CONNECT",
    "IRQ_MTU_EXCHANGED",
    "IRQ_GATTS_READ_REQUEST",
    "IRQ_GATTS_READ_REQUEST",
    "IRQ_CENTRAL_DISCONNECT",
  ]);
};

/** By "bluetooth" and the name of the original. */
export const bluetoothScripts: Readonly<Record<string, Script>> = {
  "bluetooth ble_gap_advertise": gapAdvertise,
  "bluetooth ble_gap_connect": gapConnect,
  "bluetooth ble_characteristic": characteristic,
  "bluetooth ble_descriptor": descriptor,
  "bluetooth ble_gatt_data_transfer": gattDataTransfer,
  "bluetooth ble_mtu": mtu,
  "bluetooth ble_subscribe": subscribe,
  "bluetooth ble_irq_calls": irqCalls,
};
