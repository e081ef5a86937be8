/** What the phone does in multitests that both modules have. */
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { bytes, CHAR_UUID, findCharacteristics, type Pair, subscribeToBoth, text } from "./pair.ts";

/** The next value that the camera sends by itself: how, and its text. */
export async function received(link: PhoneLink): Promise<[string, string]> {
  const { kind, value } = await link.nextValue(5000);
  return [kind, text(value)];
}

/** The phone of ble_characteristic. */
export async function playCharacteristic(pair: Pick<Pair, "connect">): Promise<void> {
  const link = await pair.connect();
  const [target] = await findCharacteristics(link, CHAR_UUID);
  await subscribeToBoth(link, target!);
  const read = async () => text(await link.read(target!));
  equal(await read(), "periph0");
  await link.write(target!, bytes("central0"));
  deepEqual(await received(link), ["notification", "periph1"]);
  equal(await read(), "periph1");
  await link.write(target!, bytes("central1"));
  deepEqual(await received(link), ["notification", "periph2"]);
  equal(await read(), "central1");
  await link.write(target!, bytes("central2"));
  deepEqual(await received(link), ["indication", "periph3"]);
  equal(await read(), "periph3");
  await link.disconnect();
}
