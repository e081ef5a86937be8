/** Two cameras that pair, and the users of both. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

const ADVERTISING = { intervalUs: 100_000 };

export interface Pair {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  /** The connection as each side has it. */
  meet(): Promise<{ readonly outgoing: DeviceConnection; readonly incoming: DeviceConnection }>;
}

export function createPair(seed?: number): Pair {
  const world = createWorld(seed);
  const [central, peripheral] = [addAioble(world), addAioble(world)];
  // Some tests wait for longer than a silent link has.
  for (const { aioble } of [central, peripheral]) aioble.config({ idleTimeoutMs: 0 });
  return {
    world,
    central,
    peripheral,
    async meet() {
      const advertised = peripheral.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
      return { outgoing, incoming: await advertised };
    },
  };
}

/** How a connection is protected. */
export function protection({
  encrypted,
  authenticated,
  bonded,
  keySize,
  secureConnections,
}: DeviceConnection) {
  return { encrypted, authenticated, bonded, keySize, secureConnections };
}

export const PLAIN = {
  encrypted: false,
  authenticated: false,
  bonded: false,
  keySize: 0,
  secureConnections: false,
};

/** Two users who look at both displays and type what they see, or where both type the number that they agreed on. */
export class Users {
  readonly compared: string[] = [];
  private show: (passkey: string) => void = () => {};
  private readonly shown = new Promise<string>((resolve) => {
    this.show = resolve;
  });

  readonly display: NonNullable<PairingAgent["display"]> = ({ passkey }) => this.show(passkey);

  readonly input: NonNullable<PairingAgent["input"]> = () => this.shown;

  readonly agreed: NonNullable<PairingAgent["input"]> = () => "271828";

  readonly compare: NonNullable<PairingAgent["compare"]> = ({ number }) => {
    this.compared.push(number);
    return true;
  };
}
