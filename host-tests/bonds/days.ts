/**
 * A camera and some phones, hour after hour of virtual time: they pair, come back, forget each other and go out of range,
 * and the camera loses its power, at any moment and in the middle of any operation of its flash. After each step its bonds
 * are held against what may have changed.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { formatAddress } from "../../firmware/ble/codec.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { Clock, Records } from "../../firmware/platform/platform.ts";
import { RecordStore } from "../../firmware/storage/records.ts";
import { type ControllerOptions, DEFAULT_OPTIONS, LE_FEATURE } from "../../simulator/controller/options.ts";
import { PowerCut, SimulatedFlash } from "../../simulator/flash.ts";
import { PhoneError } from "../../simulator/phone/errors.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { createWorld, type SimulatedPhone, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";

/** More than there are places for bonds. */
const PHONES = 10;
const MAX_BONDS = 8;
/** Places that bonds may take that nobody on the camera's side attended. */
const STRANGERS_MAX = 4;
/** Steps are so far apart, on average. */
const PAUSE_MS = 60_000;

const SERVICE = new UUID(0xfff0);
const VALUE = new UUID(0xfff1);

const FLASH = { size: 32_768, eraseUnit: 4096, programUnit: 8, writeBack: false, unreadable: true };

/** What happened, for a person. */
export interface BondFigures {
  readonly seed: number;
  readonly hours: number;
  steps: number;
  pairings: number;
  /** Pairings that a loss of range or of power broke off. */
  incomplete: number;
  /** Pairings that the camera refused. */
  refused: number;
  reconnections: number;
  subscriptionsFound: number;
  reboots: number;
  /** Of the reboots, in the middle of an operation of the flash. */
  powerCuts: number;
  evictions: number;
  deletions: number;
}

class Phone {
  readonly name: string;
  readonly simulated: SimulatedPhone;
  /** Both sides have the same key, for sure. */
  isBonded = false;
  /** The camera knows that it has subscribed, for sure. */
  isSubscribed = false;

  constructor(simulated: SimulatedPhone) {
    this.simulated = simulated;
    this.name = formatAddress(simulated.phone.address);
  }

  lost(): void {
    this.isBonded = this.isSubscribed = false;
  }
}

/** The camera between two losses of power. */
class Life {
  readonly camera: AiobleCamera;
  readonly flash: SimulatedFlash;
  isOn = true;
  /** The link of the phone that has its turn, as the camera has it. */
  connection: DeviceConnection | undefined = undefined;
  private readonly value;

  /** @param controller what its controller is like. */
  constructor(world: World, flash: SimulatedFlash, controller: Partial<ControllerOptions>) {
    this.flash = flash;
    const records = this.guarded(RecordStore.open(flash, () => {}));
    const adapt = (clock: Clock): Clock => ({
      now: () => clock.now(),
      setTimer: (callback, delayMs) => clock.setTimer(() => void (this.isOn && callback()), delayMs),
      clearTimer: (timer) => clock.clearTimer(timer),
    });
    this.camera = addAioble(world, { controller, stateFlash: flash }, adapt, records);
    const { aioble } = this.camera;
    aioble.config({ idleTimeoutMs: 0, maxBonds: MAX_BONDS });
    const service = new aioble.Service(SERVICE);
    const options = { read: true, write: true, notify: true, initial: "value" } as const;
    this.value = new aioble.Characteristic(service, VALUE, { ...options, security: "encrypted" });
    aioble.registerServices(service);
    void this.serve();
  }

  /** Whatever the flash does not survive, the camera does not either. */
  private guarded(store: RecordStore): Records {
    const run = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        if (error instanceof PowerCut) this.end();
        throw error;
      }
    };
    return {
      get: (key) => run(() => store.get(key)),
      set: (key, value) => run(() => store.set(key, value)),
      delete: (key) => run(() => store.delete(key)),
      keys: () => store.keys(),
    };
  }

  private async serve(): Promise<void> {
    while (this.isOn) {
      try {
        this.connection = await this.camera.aioble.advertise({ intervalUs: 100_000 });
        await this.connection.disconnected();
      } catch (error) {
        if (this.isOn) throw error;
      }
    }
  }

  notify(): void {
    this.value.write("news", { sendUpdate: true });
  }

  end(): void {
    this.isOn = false;
    this.camera.controller.die();
  }

  /** Names of bonded devices; each once. */
  get bonds(): Set<string> {
    const names = this.camera.aioble.security.bonds.list().map(({ device }) => formatAddress(device.addr));
    const once = new Set(names);
    if (once.size !== names.length) throw new Error(`two bonds with one device: ${names.join(", ")}`);
    return once;
  }
}

/** What a step may do to the bonds, beside what it is about. */
interface Permission {
  /** This phone may have come to a bond, or not. */
  readonly mayBond?: Phone;
  /** The bond is a stranger's: it takes the place of a stranger's only. */
  readonly isStranger?: boolean;
  readonly deleted?: Phone;
}

export class BondDays {
  readonly figures: BondFigures;
  private readonly world: World;
  private readonly random: SeededRandom;
  private readonly phones: readonly Phone[];
  private life: Life;
  private known = new Set<string>();
  /** Bonds that nobody attended, as far as is known. */
  private readonly strangers = new Set<string>();
  /** The steps before, for a report. */
  private readonly history: string[] = [];
  private readonly controller: Partial<ControllerOptions>;

  constructor(seed: number, hours: number) {
    this.world = createWorld(seed);
    this.random = new SeededRandom(seed);
    this.phones = Array.from({ length: PHONES }, () => new Phone(this.world.addPhone()));
    // Every second seed has a controller that resolves private addresses by its list.
    const features = [...DEFAULT_OPTIONS.features, ...(seed % 2 === 0 ? [LE_FEATURE.LL_PRIVACY] : [])];
    this.controller = { features };
    const flash = new SimulatedFlash(FLASH, new SeededRandom(seed + 1));
    this.life = new Life(this.world, flash, this.controller);
    this.figures = {
      ...{ seed, hours, steps: 0, pairings: 0, incomplete: 0, refused: 0, reconnections: 0 },
      ...{ subscriptionsFound: 0, reboots: 0, powerCuts: 0, evictions: 0, deletions: 0 },
    };
  }

  /** @throws Error with the last steps when a bond is lost, comes from nowhere, or does not encrypt. */
  async run(): Promise<BondFigures> {
    const { clock } = this.world;
    const untilMs = this.figures.hours * 3_600_000;
    try {
      await this.world.run(async () => {
        while (clock.now() < untilMs) {
          await clock.sleep(this.random.below(2 * PAUSE_MS));
          await this.step();
          this.figures.steps++;
        }
        for (const phone of this.phones) await this.openSession(phone);
      }, untilMs + 3_600_000);
    } catch (error) {
      const steps = this.history.slice(-12).join("\n  ");
      throw new Error(`${(error as Error).message}\nseed ${this.figures.seed}, the last steps:\n  ${steps}`, {
        cause: error,
      });
    }
    return this.figures;
  }

  private async step(): Promise<void> {
    const { random } = this;
    const phone = this.phones[random.below(PHONES)]!;
    const kind = random.below(100);
    if (kind < 40) return this.pair(phone);
    if (kind < 80) return this.openSession(phone);
    if (kind < 85) return this.forget(phone);
    if (kind < 91) return this.delete(phone);
    this.note("the camera restarts");
    this.life.end();
    this.check({});
  }

  private note(what: string): void {
    this.history.push(`${Math.round(this.world.clock.now() / 1000)} s: ${what}`);
  }

  /** Whatever went on: the camera has power again, nobody is connected, and the bonds are what they may be. */
  private check({ deleted, isStranger = false, mayBond }: Permission): void {
    if (!this.life.isOn) {
      this.figures.reboots++;
      this.life = new Life(this.world, this.life.flash.restart(), this.controller);
    }
    const before = this.known;
    const after = this.life.bonds;
    const added = [...after].filter((name) => !before.has(name));
    const removed = [...before].filter((name) => !after.has(name));
    this.known = after;
    for (const name of added) {
      if (name !== mayBond?.name) throw new Error(`a bond with ${name} out of nowhere`);
      if (isStranger) this.strangers.add(name);
    }
    if (mayBond?.isBonded && !isStranger) this.strangers.delete(mayBond.name);
    for (const name of removed) {
      const wasStranger = this.strangers.delete(name);
      this.phones.find((phone) => phone.name === name)!.lost();
      if (name === deleted?.name) continue;
      const strangers = [...before].filter((each) => this.strangers.has(each)).length + (wasStranger ? 1 : 0);
      const isFull = before.size >= MAX_BONDS || (isStranger && strangers >= STRANGERS_MAX);
      const isAllowed = added.length === 1 && removed.length === 1 && isFull && (wasStranger || !isStranger);
      if (!isAllowed) throw new Error(`the bond with ${name} is lost`);
      this.figures.evictions++;
    }
    if (after.size > MAX_BONDS) throw new Error(`${after.size} bonds`);
  }

  /** Connects; arms what may go wrong on the way. */
  private async connect({ simulated }: Phone, isPairing = false): Promise<PhoneLink> {
    const { air, clock } = this.world;
    const { life, random } = this;
    const { controller } = life.camera;
    const { phone } = simulated;
    const link = await phone.connect(await phone.find({ address: life.camera.host.ownAddress }));
    if (random.chance(0.25)) {
      this.note("the flash will not survive one of its next operations");
      life.flash.cutAfter(random.below(6));
    }
    // A pairing takes a quarter of a second.
    if (random.chance(isPairing ? 0.4 : 0.2)) {
      const afterMs = random.below(isPairing ? 300 : 1500);
      this.note(`out of range after ${afterMs} ms`);
      clock.setTimer(() => air.separate(simulated.controller, controller), afterMs);
      clock.setTimer(() => air.reunite(simulated.controller, controller), afterMs + 10_000);
    }
    return link;
  }

  private async leave(link: PhoneLink): Promise<void> {
    if (link.isConnected) await link.disconnect();
    // What was to go wrong does so until then, or not at all.
    await this.world.clock.sleep(15_000);
    const { flash } = this.life;
    if (this.life.isOn) flash.cutAfter(Number.POSITIVE_INFINITY);
    else if (flash.operations > 0) this.figures.powerCuts++;
  }

  private async pair(phone: Phone): Promise<void> {
    const { figures, life, random } = this;
    const { security } = phone.simulated.phone;
    const isAttended = random.chance(0.7);
    const legacy = random.chance(0.3);
    this.note(`${phone.name} pairs${legacy ? ", legacy" : ""}${isAttended ? "" : ", unattended"}`);
    const before = security.find({ addressType: 1, address: life.camera.host.ownAddress });
    if (isAttended) life.camera.aioble.security.openPairing({ durationMs: 60_000 });
    const link = await this.connect(phone, true);
    // What the camera has is the old bond, or the new one, if this does not come to its end.
    const wasBonded = phone.isBonded;
    phone.isBonded = false;
    let isRefused = false;
    try {
      await link.pair({ legacy });
      await this.world.clock.sleep(200);
      if (life.isOn && link.isConnected && life.connection?.bonded) {
        phone.isBonded = true;
        phone.isSubscribed = false;
        figures.pairings++;
      }
    } catch (error) {
      if (!(error instanceof PhoneError)) throw error;
      isRefused = error.name === "PairingFailedError" && life.isOn && link.isConnected;
      figures[isRefused ? "refused" : "incomplete"]++;
      this.note(error.message);
      if (isRefused) {
        // A pairing that was refused leaves everything as it was.
        phone.isBonded = wasBonded && before !== undefined;
      } else phone.isSubscribed = false;
    }
    if (life.isOn) life.camera.aioble.security.closePairing();
    await this.leave(link);
    this.check(isRefused ? {} : { mayBond: phone, isStranger: !isAttended });
    if (phone.isBonded && !this.known.has(phone.name)) throw new Error(`${phone.name} is not bonded`);
  }

  /** Comes back, encrypts when it can, and subscribes. */
  private async openSession(phone: Phone): Promise<void> {
    const { figures, life } = this;
    const { isBonded, isSubscribed } = phone;
    this.note(`${phone.name} comes${isBonded ? ", bonded" : ""}${isSubscribed ? ", subscribed" : ""}`);
    const link = await this.connect(phone);
    try {
      const encrypted = await link.encryptWithBond();
      if (encrypted) {
        figures.reconnections++;
        await this.subscribe(phone, link);
      }
    } catch (error) {
      if (!(error instanceof PhoneError)) throw error;
      this.note(error.message);
      if (isBonded && life.isOn && link.isConnected)
        throw new Error(`${phone.name} is refused: ${error.message}`);
    }
    await this.leave(link);
    this.check({});
  }

  private async subscribe(phone: Phone, link: PhoneLink): Promise<void> {
    const { life } = this;
    if (phone.isSubscribed) {
      life.notify();
      await link.nextValue(5000);
      this.figures.subscriptionsFound++;
      return;
    }
    const characteristic = (await link.discover()).characteristic(VALUE);
    await link.subscribe(characteristic);
    phone.isSubscribed = phone.isBonded;
  }

  private async forget(phone: Phone): Promise<void> {
    this.note(`${phone.name} forgets the camera`);
    phone.simulated.phone.security.forget({ addressType: 1, address: this.life.camera.host.ownAddress });
    phone.lost();
  }

  private async delete(phone: Phone): Promise<void> {
    const { life } = this;
    this.note(`the camera forgets ${phone.name}`);
    const { ADDR_RANDOM, Device, security } = life.camera.aioble;
    if (!security.bonds.delete(new Device(ADDR_RANDOM, phone.simulated.phone.address))) return;
    this.figures.deletions++;
    phone.lost();
    this.check({ deleted: phone });
  }
}
