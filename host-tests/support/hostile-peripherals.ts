/** A camera that is the central of hostile peripherals (hostile-air.ts), for hours of virtual time. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { BleError } from "../../firmware/ble/errors.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { FLAG_NOTIFY, FLAG_READ, FLAG_WRITE } from "../../firmware/bluetooth/constants.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { ADDRESS, BEACON, HostileAir, STEP_MS } from "./hostile-air.ts";
import { PSM, VALUE } from "./peripheral-peers.ts";
import { createRig, type Rig } from "./rig.ts";

/** What peers may make the smallest board keep. */
const PEER_BYTES = 39_321;

/** What a day has come to. */
export interface Day {
  /** Sessions with hostile peers, and those that found everything. */
  sessions: number;
  whole: number;
  /** Reads, notifications and echoes of the honest peer, and sightings of the honest beacon. */
  reads: number;
  notified: number;
  echoes: number;
  sightings: number;
  /** Results of the scan. */
  results: number;
  /** Most bytes that peers made the camera keep. */
  peak: number;
  /** Most timers that ran at a time. */
  timers: number;
  /** Errors in the log. */
  errors: number;
}

/** Anything but an error of the stack's is a defect. */
function check(error: unknown): void {
  if (!(error instanceof BleError)) throw error;
}

export class HostileDay {
  readonly day: Day = {
    ...{
      sessions: 0,
      whole: 0,
      reads: 0,
      notified: 0,
      echoes: 0,
      sightings: 0,
      results: 0,
      peak: 0,
      timers: 0,
      errors: 0,
    },
  };
  readonly rig: Rig = createRig(PEER_BYTES);
  private readonly random: SeededRandom;
  private readonly air: HostileAir;
  private isOver = false;
  private readonly failures: unknown[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.air = new HostileAir(this.rig.controller, this.random);
  }

  /**
   * Lets it run for so long.
   * @param onMinute called once a minute of virtual time.
   * @throws what an application must never see, or a bound that does not hold.
   */
  async run(durationMs: number, onMinute: (minute: number) => void = () => {}): Promise<Day> {
    const { clock, controller, host, log } = this.rig;
    const tasks = [this.scan(), this.stay(), ...[1, 2, 3].map((index) => this.openSession(index))];
    for (const task of tasks) task.catch((error: unknown) => this.failures.push(error));
    for (let passedMs = 0; passedMs < durationMs && this.failures.length === 0; passedMs += STEP_MS) {
      this.air.step();
      await controller.settle();
      this.air.hear();
      await clock.advance(STEP_MS);
      this.air.hear();
      const { budget } = host;
      this.day.peak = Math.max(this.day.peak, budget.held);
      this.day.timers = Math.max(this.day.timers, clock.pending);
      if (budget.held > budget.size) throw new Error(`peers make the camera keep ${budget.held} bytes`);
      this.day.errors += log.splice(0).filter(([level]) => level === "error").length;
      if (passedMs % 60_000 === 0) onMinute(passedMs / 60_000);
      if (clock.pending > 200) throw new Error(`${clock.pending} timers run`);
    }
    this.isOver = true;
    if (this.failures.length > 0) throw this.failures[0];
    return this.day;
  }

  /** Ends everything. @throws Error when something stays. */
  async stop(): Promise<void> {
    const { aioble, clock, controller, host } = this.rig;
    const stopped = aioble.stop();
    for (let count = 0; count < 700; count++) {
      await controller.settle();
      await clock.advance(STEP_MS);
    }
    await stopped;
    if (this.failures.length > 0) throw this.failures[0];
    if (host.budget.held > 0) throw new Error(`${host.budget.held} bytes stay`);
    if (clock.pending > 0) throw new Error(`${clock.pending} timers stay`);
  }

  // ---- the application

  private async scan(): Promise<void> {
    const { aioble } = this.rig;
    const timing = { intervalUs: 30_000, windowUs: 30_000, active: true };
    while (!this.isOver) {
      // By turns with all that is heard, and with what one filter lets pass.
      const filters = this.day.results % 2 === 0 ? {} : { name: BEACON };
      for await (const result of aioble.scan({
        ...timing,
        ...filters,
        durationMs: 20_000,
        duplicates: "packets",
      })) {
        this.day.results++;
        const name = result.name();
        if (name === BEACON) this.day.sightings++;
        result.services();
        result.hasService(new UUID(0x180d));
        result.manufacturer();
        result.fields(0x16);
        String(result);
        if (this.isOver) return;
      }
    }
  }

  /** A link to the honest peer that never ends. */
  private async stay(): Promise<void> {
    const { aioble, clock } = this.rig;
    const { ADDR_RANDOM, Device } = aioble;
    const device = new Device(ADDR_RANDOM, Uint8Array.from([...ADDRESS].reverse()));
    const connection = await device.connect({ timeoutMs: 60_000 });
    const service = await connection.service(new UUID(0x180f));
    const value = await service?.characteristic(new UUID(VALUE));
    if (!value) throw new Error("the honest peer's value was not found");
    await value.subscribe();
    const channel = await connection.l2capConnect(PSM);
    void this.follow(value.notifications()).catch((error: unknown) => this.endOf(error));
    while (!this.isOver) {
      try {
        const bytes = await value.read();
        if (bytes[0] !== 0x2a) throw new Error(`the honest peer's value is ${bytes}`);
        this.day.reads++;
        await channel.send(bytes);
        if ((await channel.recv({ timeoutMs: 5000 })).length !== bytes.length)
          throw new Error("a wrong echo");
        this.day.echoes++;
        await clock.sleep(5000);
      } catch (error) {
        return this.endOf(error);
      }
    }
  }

  private endOf(error: unknown): void {
    if (!this.isOver) throw error;
    check(error);
  }

  private async follow(values: AsyncIterable<Uint8Array>): Promise<void> {
    let last: number | undefined;
    for await (const [number] of values) {
      if (last !== undefined && number !== ((last + 1) & 0xff))
        throw new Error(`notification ${number} came after ${last}`);
      last = number;
      this.day.notified++;
    }
  }

  /** Connects to one hostile peer after the other, and asks for everything. */
  private async openSession(index: number): Promise<void> {
    const { aioble, clock } = this.rig;
    const { ADDR_RANDOM, Device } = aioble;
    const address = Uint8Array.from([index, ...ADDRESS.slice(1)]).reverse();
    const device = new Device(ADDR_RANDOM, address);
    while (!this.isOver) {
      try {
        const connection = await device.connect({ timeoutMs: 10_000 });
        this.day.sessions++;
        const outcomes = await Promise.allSettled([
          this.discover(connection),
          this.channels(connection),
          connection.readMultiple([]).catch(() => undefined),
        ]);
        for (const outcome of outcomes) {
          if (outcome.status === "rejected") check(outcome.reason);
        }
        if (outcomes.every(({ status }) => status === "fulfilled")) this.day.whole++;
        await connection.disconnect();
      } catch (error) {
        check(error);
      }
      await clock.sleep(this.random.below(1000));
    }
  }

  private async discover(connection: DeviceConnection): Promise<void> {
    await connection.exchangeMtu({ mtu: 185, timeoutMs: 3000 });
    for await (const service of connection.services(undefined, { timeoutMs: 3000 })) {
      for await (const included of service.includedServices({ timeoutMs: 3000 })) String(included);
      for await (const characteristic of service.characteristics(undefined, { timeoutMs: 3000 })) {
        for await (const descriptor of characteristic.descriptors({ timeoutMs: 3000 })) String(descriptor);
        const has = (flag: number): boolean => (characteristic.properties & flag) !== 0;
        if (has(FLAG_READ)) await characteristic.read({ timeoutMs: 3000 }).catch(check);
        if (has(FLAG_WRITE)) await characteristic.write(new Uint8Array(40), { timeoutMs: 3000 }).catch(check);
        if (!has(FLAG_NOTIFY)) continue;
        await characteristic.subscribe({ timeoutMs: 3000 }).catch(check);
        await characteristic.notified({ timeoutMs: 500 }).catch(check);
      }
    }
  }

  private async receiveOne(connection: DeviceConnection): Promise<void> {
    const channel = await connection.l2capAccept(PSM, { mtu: 200, timeoutMs: 5000 });
    await channel.recv({ timeoutMs: 3000 });
    await channel.disconnect();
  }

  private async channels(connection: DeviceConnection): Promise<void> {
    const accepted = this.receiveOne(connection).catch(check);
    try {
      const opened = await connection.l2capConnectMultiple(PSM, 1 + this.random.below(3), {
        ...{ mtu: 200, mps: 64, timeoutMs: 5000 },
      });
      for (const channel of opened) {
        await channel.send(new Uint8Array(300), { timeoutMs: 2000 }).catch(check);
        await channel.reconfigure({ mtu: 300, timeoutMs: 2000 }).catch(check);
        await channel.recv({ timeoutMs: 2000 }).catch(check);
        await channel.disconnect().catch(check);
      }
    } finally {
      await accepted;
    }
  }
}
