/**
 * Peripherals that own every byte and every order, around a camera that is their central, in virtual time: three of them on
 * links, any number on the air, and an honest one of each kind. The controller between them is a sound one.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { BleError } from "../../firmware/ble/errors.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { FLAG_NOTIFY, FLAG_READ, FLAG_WRITE } from "../../firmware/bluetooth/constants.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { concat, le16 } from "./bytes.ts";
import { HonestPeer, Peer, type PeerPort, PSM, VALUE } from "./peripheral-peers.ts";
import { createRig, type Rig } from "./rig.ts";
import { commandComplete, commandStatus, disconnectionComplete, lePacket } from "./scripted-controller.ts";

/** What peers may make the smallest board keep. */
const PEER_BYTES = 39_321;
/** Peers on links that are hostile. */
const HOSTILE = 3;
const HONEST = 0;
/** How often anything happens, in milliseconds. */
const STEP_MS = 100;
const CREATE_CONNECTION = 0x200d;
const CREATE_CONNECTION_CANCEL = 0x200e;
const DISCONNECT = 0x0406;
const UNKNOWN_CONNECTION = 0x02;
const ADDRESS = [0, 0x01, 0x02, 0x03, 0x04, 0xc5];
const BEACON = "beacon";

/** What a day has come to. */
export interface Day {
  /** Visits to hostile peers, and those that found everything. */
  visits: number;
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

const report = (eventType: number, address: readonly number[], data: Uint8Array): Uint8Array =>
  lePacket(0x02, concat([1, eventType, 1, ...address, data.length], data, [0xc4]));

export class HostileDay {
  readonly day: Day = {
    ...{
      visits: 0,
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
  /** By the first byte of their address. */
  private readonly peers = new Map<number, Peer>();
  private readonly links = new Map<number, Peer>();
  /** The peer that the controller looks for. */
  private wanted: number | undefined = undefined;
  private handle = 0x3f;
  private isOver = false;
  private readonly failures: unknown[] = [];
  /** Incomplete frames of the host, by handle. */
  private readonly open = new Map<number, Uint8Array>();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    for (let index = 0; index <= HOSTILE; index++) {
      const port: PeerPort = {
        random: this.random,
        deliver: (packet) => this.rig.controller.deliver(packet),
        end: (handle, reason) => this.end(handle, reason),
      };
      this.peers.set(index, index === HONEST ? new HonestPeer(port) : new Peer(port));
    }
    this.rig.controller.autoComplete = true;
    this.always(CREATE_CONNECTION, (parameters) => {
      this.wanted = parameters[6];
      return [commandStatus(CREATE_CONNECTION)];
    });
    this.always(CREATE_CONNECTION_CANCEL, () => {
      if (this.wanted === undefined) return [commandComplete(CREATE_CONNECTION_CANCEL, [0x0c])];
      this.wanted = undefined;
      return [commandComplete(CREATE_CONNECTION_CANCEL), this.complete(UNKNOWN_CONNECTION, 0, 0)];
    });
    this.always(DISCONNECT, (parameters) => {
      const handle = parameters[0]! | (parameters[1]! << 8);
      if (!this.links.delete(handle)) return [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)];
      this.open.delete(handle);
      return [commandStatus(DISCONNECT), disconnectionComplete(handle, 0x16)];
    });
  }

  /**
   * Lets it run for so long.
   * @param onMinute called once a minute of virtual time.
   * @throws what an application must never see, or a bound that does not hold.
   */
  async run(durationMs: number, onMinute: (minute: number) => void = () => {}): Promise<Day> {
    const { clock, controller, host, log } = this.rig;
    const tasks = [this.scan(), this.stay(), ...[1, 2, 3].map((index) => this.visit(index))];
    for (const task of tasks) task.catch((error: unknown) => this.failures.push(error));
    for (let passedMs = 0; passedMs < durationMs && this.failures.length === 0; passedMs += STEP_MS) {
      this.advertise();
      this.connect();
      for (const [handle, peer] of [...this.links]) peer.act(handle);
      await controller.settle();
      this.hear();
      await clock.advance(STEP_MS);
      this.hear();
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

  // ---- the controller

  private always(opcode: number, answer: (parameters: Uint8Array) => readonly Uint8Array[]): void {
    this.rig.controller.script(opcode, (parameters) => {
      this.always(opcode, answer);
      return answer(parameters);
    });
  }

  /** LE Connection Complete as a central. */
  private complete(status: number, handle: number, peer: number): Uint8Array {
    const address = [peer, ...ADDRESS.slice(1)];
    return lePacket(0x01, [
      ...[status, ...le16(handle), 0, 1],
      ...address,
      ...[...le16(24), 0, 0, ...le16(72), 0],
    ]);
  }

  /** The peer that is looked for may be there, or only seem so. */
  private connect(): void {
    const { controller } = this.rig;
    const { random, wanted } = this;
    if (wanted === undefined) return;
    const peer = this.peers.get(wanted);
    if (!peer || (!peer.isHonest && random.below(4) === 0)) return;
    this.wanted = undefined;
    do this.handle = this.handle < 0x0eff ? this.handle + 1 : 0x40;
    while (this.links.has(this.handle));
    const { handle } = this;
    controller.deliver(this.complete(0, handle, wanted));
    if (!peer.isHonest && random.below(6) === 0) {
      // It never was: nothing is heard of it.
      controller.deliver(disconnectionComplete(handle, 0x3e));
      return;
    }
    this.links.set(handle, peer);
    peer.begin(handle);
  }

  private end(handle: number, reason: number): void {
    if (!this.links.delete(handle)) return;
    this.open.delete(handle);
    this.rig.controller.deliver(disconnectionComplete(handle, reason));
  }

  /** What the camera has sent reaches its peers. */
  private hear(): void {
    for (const packet of this.rig.controller.sent.splice(0)) {
      if (packet[0] !== 0x02) continue;
      const head = packet[1]! | (packet[2]! << 8);
      const handle = head & 0x0fff;
      const before = (head & 0x3000) === 0x1000 ? this.open.get(handle) : undefined;
      const bytes = concat(before ?? [], packet.subarray(5));
      const length = bytes.length < 4 ? 0 : bytes[0]! | (bytes[1]! << 8);
      if (bytes.length < length + 4) {
        this.open.set(handle, bytes);
        continue;
      }
      this.open.delete(handle);
      this.links.get(handle)?.receive(handle, bytes[2]! | (bytes[3]! << 8), bytes.subarray(4));
    }
  }

  /** An honest beacon among many that send whatever fits a packet. */
  private advertise(): void {
    const { controller } = this.rig;
    const { random } = this;
    const name = Uint8Array.from(BEACON, (letter) => letter.charCodeAt(0));
    controller.deliver(report(3, [0xbe, 2, 3, 4, 5, 0xc5], concat([2, 1, 4, name.length + 1, 9], name)));
    for (let count = random.below(6); count > 0; count--) {
      const address = [...random.bytes(5), 0xc0 | random.below(64)];
      const data = random.bytes(random.below(32));
      // An AD structure that announces what it does not have, or a type that is parsed.
      if (data.length > 2 && random.below(2) === 0) {
        data[0] = random.below(34);
        data[1] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x16, 0x20, 0x21, 0x24, 0xff][random.below(15)]!;
      }
      controller.deliver(report(random.below(5), address, data));
      if (random.below(3) === 0) controller.deliver(report(4, address, random.bytes(random.below(32))));
    }
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
  private async visit(index: number): Promise<void> {
    const { aioble, clock } = this.rig;
    const { ADDR_RANDOM, Device } = aioble;
    const address = Uint8Array.from([index, ...ADDRESS.slice(1)]).reverse();
    const device = new Device(ADDR_RANDOM, address);
    while (!this.isOver) {
      try {
        const connection = await device.connect({ timeoutMs: 10_000 });
        this.day.visits++;
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
