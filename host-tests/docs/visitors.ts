/** Who visits the applications of the documents: one scenario for each, by the name behind the fence. */
import { hex } from "../../firmware/ble/codec.ts";
import { statusText } from "../../firmware/ble/hci/status.ts";
import { adValue } from "../../simulator/phone/advertising-data.ts";
import type { FoundCharacteristic } from "../../simulator/phone/discovery.ts";
import { AttErrorResponse } from "../../simulator/phone/errors.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import type { Phone } from "../../simulator/phone/phone.ts";
import { visit } from "../../simulator/phone/visit.ts";
import { renderCentralEvent } from "../../tools/rig/render.ts";

/** What a visitor has. */
export interface Scene {
  /** A phone near the camera. */
  addPhone(): Phone;
  /** Adds a line of the phone to the output. */
  say(line: string): void;
  /** Waits until a line with this text was said. */
  saw(text: string): Promise<void>;
}

export type Visitor = (scene: Scene) => Promise<void>;

/** The visitor of `obscura run`: finds, reads, subscribes, takes notifications, leaves, finds again. */
function everything(notifications: number): Visitor {
  return async ({ addPhone, say }) => {
    for await (const event of visit(addPhone(), { patienceMs: 5000, notifications })) {
      for (const line of renderCentralEvent(event)) say(line);
    }
  };
}

async function connectTo(phone: Phone, name: string): Promise<PhoneLink> {
  return phone.connect(await phone.find({ name }));
}

async function last(link: PhoneLink): Promise<FoundCharacteristic> {
  return (await link.discover()).characteristics.at(-1)!;
}

/** Writes a command that is known, one that is not, and another. */
const commands: Visitor = async ({ addPhone, say, saw }) => {
  const link = await connectTo(addPhone(), "lamp");
  const command = await last(link);
  for (const value of [1, 2, 0]) {
    const bytes = new Uint8Array([value]);
    try {
      await link.write(command, bytes);
      say(`wrote ${hex(bytes)}`);
    } catch (error) {
      if (!(error instanceof AttErrorResponse)) throw error;
      say(`wrote ${hex(bytes)}: refused with 0x${error.code.toString(16)}`);
    }
  }
  await saw("the light off");
};

/** Reads as fast as it can until it was answered, refused and answered. */
const ondemand: Visitor = async ({ addPhone, say }) => {
  const link = await connectTo(addPhone(), "camera");
  const humidity = await last(link);
  for (let refused = false, done = false; !done; ) {
    try {
      const [low, high] = await link.read(humidity);
      say(`read ${((low! | (high! << 8)) / 100).toFixed(2)} %`);
      done = refused;
    } catch (error) {
      if (!(error instanceof AttErrorResponse)) throw error;
      say(`refused with 0x${error.code.toString(16)}`);
      refused = true;
    }
  }
};

/** Two phones at once. */
const several: Visitor = async ({ addPhone, saw }) => {
  const first = await connectTo(addPhone(), "camera");
  const second = await connectTo(addPhone(), "camera");
  await saw("guests: 2");
  await first.disconnect();
  await second.disconnect();
  await saw("guests: 0");
};

/** Listens without connecting. */
const feed: Visitor = async ({ addPhone, say }) => {
  const phone = addPhone();
  for (let heard = 0; heard < 3; heard++) {
    const { connectable, advertising } = await phone.find({});
    const data = adValue(advertising, 0x16)!;
    const degrees = new DataView(data.slice(4).buffer).getInt16(0, true) / 100;
    say(`heard ${degrees.toFixed(2)} °C, and ${connectable ? "can" : "cannot"} connect`);
  }
};

/** Subscribes, is told one value and sent away; twice. */
const burst: Visitor = async ({ addPhone, say, saw }) => {
  const phone = addPhone();
  for (const turn of [1, 2]) {
    const link = await connectTo(phone, "camera");
    await link.subscribe(await last(link));
    const { value } = await link.nextValue();
    const reason = await link.disconnected();
    say(`was told ${value[0]}, then disconnected: ${statusText(reason)}`);
    await saw(`burst ${turn} is over`);
  }
};

export const visitors: Readonly<Record<string, Visitor>> = {
  sensor: everything(2),
  first: everything(0),
  ondemand,
  commands,
  several,
  feed,
  burst,
  watch: everything(0),
};
