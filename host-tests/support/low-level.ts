/** A camera whose application uses the low-level module, a phone, and the events that the camera's handler got. */
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { createWorld } from "../../simulator/world.ts";
import { concat } from "./bytes.ts";
import { addAioble } from "./cameras.ts";

export const SERVICE = 0x1815;
/** May do everything; has a descriptor to read and write. */
export const COMMAND = 0x2a56;
export const DESCRIPTOR = 0x2901;
/** Is notified and indicated. */
export const ANSWER = 0x2a57;
export const NAME = "low";

/** Connection handle that the first phone gets. */
export const CONN = 64;

/** Flags and a complete local name. */
export function advertisingData(name = NAME): Uint8Array {
  const bytes = Array.from(name, (character) => character.charCodeAt(0));
  return concat([2, 0x01, 0x06], [1 + bytes.length, 0x09], bytes);
}

export function createScene(seed = 1) {
  const world = createWorld(seed);
  const camera = addAioble(world, { controller: { aclPackets: 2 } });
  const { bluetooth } = camera;
  const ble = new bluetooth.BLE();
  const { phone, controller } = world.addPhone();
  const events: IrqEvent[] = [];
  /** Keeps every event. */
  const listen = (): void => ble.irq((...event) => void events.push(event));
  /** Registers one service: command, its descriptor, answer. */
  const register = (): { command: number; descriptor: number; answer: number } => {
    const { FLAG_INDICATE, FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, FLAG_WRITE_NO_RESPONSE, UUID } = bluetooth;
    const flags = FLAG_READ | FLAG_WRITE | FLAG_WRITE_NO_RESPONSE;
    const [handles = []] = ble.gattsRegisterServices([
      [
        new UUID(SERVICE),
        [
          [new UUID(COMMAND), flags, [[new UUID(DESCRIPTOR), FLAG_READ | FLAG_WRITE]]],
          [new UUID(ANSWER), FLAG_READ | FLAG_NOTIFY | FLAG_INDICATE],
        ],
      ],
    ]);
    const [command = 0, descriptor = 0, answer = 0] = handles;
    return { command, descriptor, answer };
  };
  /** Switches the radio on and advertises. */
  const advertise = async (name = NAME): Promise<void> => {
    await ble.active(true);
    await ble.gapAdvertise(100_000, { advData: advertisingData(name) });
  };
  /** The camera advertises and the phone connects. */
  const meet = async (): Promise<PhoneLink> => {
    await advertise();
    const link = await phone.connect(await phone.find({ name: NAME }));
    // The phone may know of the link before the camera's host does.
    await world.clock.sleep(100);
    return link;
  };
  return {
    world,
    camera,
    bluetooth,
    ble,
    phone,
    controller,
    events,
    listen,
    register,
    advertise,
    meet,
  };
}

export type Scene = ReturnType<typeof createScene>;

/** Runs a scenario in a scene's virtual time. */
export function inScene(work: (scene: Scene) => Promise<void>, seed?: number): Promise<void> {
  const scene = createScene(seed);
  return scene.world.run(() => work(scene));
}
