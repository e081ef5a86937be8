/** A phone of a script: what it is connected to, and what it knows of the camera. */
import { identify } from "../../simulator/phone/assigned-numbers.ts";
import type { ServerValue } from "../../simulator/phone/att.ts";
import type { FoundCharacteristic, FoundDatabase } from "../../simulator/phone/discovery.ts";
import type { Sighting } from "../../simulator/phone/sightings.ts";
import type { Attribute } from "./script.ts";
import type { ScriptLink, ScriptPhone } from "./script-phone.ts";

/** A step that did not go as the script says. */
export class ScriptError extends Error {
  override name = "ScriptError";
}

/** One phone and what it knows of the camera. */
export class Actor {
  readonly phone: ScriptPhone;
  sighting: Sighting | undefined;
  isReady = false;
  private current: ScriptLink | undefined;
  private database: FoundDatabase | undefined;
  /** Values of others that came while one was waited for. */
  readonly received: ServerValue[] = [];
  value: Uint8Array | undefined;
  notifications = 0;

  constructor(phone: ScriptPhone) {
    this.phone = phone;
  }

  connected(link: ScriptLink): void {
    this.current = link;
    this.database = undefined;
    this.received.length = 0;
  }

  /** Forgets a link that has ended, once the steps know of it. */
  left(): void {
    if (!this.current?.isConnected) this.current = undefined;
  }

  get link(): ScriptLink {
    return this.current ?? fail("this phone is not connected: connect first");
  }

  async discovered(): Promise<FoundDatabase> {
    this.database ??= await this.link.discover();
    return this.database;
  }

  rediscovered(): Promise<FoundDatabase> {
    this.database = undefined;
    return this.discovered();
  }

  /** Whether there was a bond with the camera. */
  forget(): boolean {
    const { sighting } = this;
    return sighting !== undefined && this.phone.forget(sighting);
  }

  async characteristic({ uuid, nth }: Attribute): Promise<FoundCharacteristic> {
    const { characteristics } = await this.discovered();
    const found = characteristics.filter((candidate) => candidate.uuid.equals(uuid));
    const which = found.length > 1 ? `only ${found.length} characteristics` : "no characteristic";
    return (
      found[nth - 1] ??
      fail(`the camera has ${found.length === 1 ? "one characteristic" : which} ${title(uuid)}`)
    );
  }

  async handle(attribute: Attribute): Promise<number> {
    const { descriptor } = attribute;
    const characteristic = await this.characteristic(attribute);
    if (descriptor === undefined) return characteristic.handle;
    const found = characteristic.descriptors.find(({ uuid }) => uuid.equals(descriptor));
    return found?.handle ?? fail(`${title(attribute.uuid)} has no descriptor ${title(descriptor)}`);
  }
}

export function fail(message: string): never {
  throw new ScriptError(message);
}

export const title = (uuid: Parameters<typeof identify>[0]): string => {
  const { uuid: digits, name } = identify(uuid);
  return name === null ? digits : `${digits} ${name}`;
};
