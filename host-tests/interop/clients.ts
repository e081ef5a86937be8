/** The two stacks that none of us wrote, as clients behind one interface: the same scenario runs with either. */
import assert from "node:assert/strict";
import { AttFailure, type BleHostCentral, bleHostAddress } from "./ble-host-central.ts";
import { type BumbleCentral, bumbleAddress, StepFailure } from "./bumble-central.ts";
import type { Rig } from "./rig.ts";
import { WaitError } from "./wait.ts";

/** A notification or an indication, and of which characteristic. */
export interface Heard {
  readonly kind: "notification" | "indication";
  readonly uuid: string;
  readonly text: string;
}

/** A GATT client. UUIDs are upper case, values are text. Each wait ends by an error when nothing comes. */
export interface Client {
  /** Its own address, static random, in lower case. */
  readonly address: string;
  /** The MTU that it offers when asked to offer `mtu`. */
  mtuFor(mtu: number): number;
  /** Looks for who advertises under `name`. */
  find(name: string): Promise<{ readonly connectable: boolean }>;
  /** Fails when `name` is on the air within `ms`. */
  offAir(name: string, ms: number): Promise<void>;
  /** Finds `name` and connects. */
  link(name: string): Promise<void>;
  /** Finds `name`, connects and discovers everything. */
  connect(name: string): Promise<void>;
  /** Exchanges the MTU, once a connection; returns the one that was agreed on. */
  exchangeMtu(mtu: number): Promise<number>;
  read(characteristic: string): Promise<string>;
  /** With response by default; what is longer than a packet goes in parts. */
  write(characteristic: string, text: string, response?: boolean): Promise<void>;
  readDescriptor(characteristic: string, descriptor: string): Promise<string>;
  writeDescriptor(characteristic: string, descriptor: string, text: string): Promise<void>;
  subscribe(characteristic: string, kind: "notification" | "indication" | "none"): Promise<void>;
  /** The next notification or indication. */
  heard(): Promise<Heard>;
  /** Fails when there is one that was not taken, or one comes within `ms`. */
  silence(ms: number): Promise<void>;
  /** Ends the connection. */
  disconnect(): Promise<void>;
  /** Waits for the camera to end the connection; the reason (Vol 1, Part F, 1.3). */
  disconnected(): Promise<number>;
}

/** Kinds of clients, by the name of their stack. */
export const clients: Readonly<Record<string, (rig: Rig) => Promise<Client>>> = {
  Bumble: async (rig) => bumbleClient(await rig.bumble()),
  "ble-host": async (rig) => bleHostClient(await rig.bleHost()),
};

/** Asserts that `work` fails with this ATT error. */
export async function failsWith(code: number, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof StepFailure || error instanceof AttFailure, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

const hex = (text: string): string => Buffer.from(text).toString("hex");
const textOf = (raw: string): string => Buffer.from(raw, "hex").toString();

function bumbleClient(central: BumbleCentral): Client {
  const link = async (name: string): Promise<void> => {
    await central.do({ do: "scan", name });
    await central.do({ do: "connect" });
  };
  return {
    address: bumbleAddress.toLowerCase(),
    mtuFor: (mtu) => mtu,
    find: (name) => central.see({ do: "scan", name }, "found"),
    offAir: async (name, ms) => {
      await central.do({ do: "expectOffAir", name, seconds: ms / 1000 });
    },
    link,
    async connect(name) {
      await link(name);
      await central.do({ do: "discover" });
    },
    exchangeMtu: async (mtu) => (await central.see({ do: "exchangeMtu", mtu }, "mtu")).mtu,
    read: async (characteristic) => textOf((await central.see({ do: "read", characteristic }, "value")).raw),
    async write(characteristic, text, response = true) {
      await central.do({ do: "write", characteristic, value: hex(text), response });
    },
    async readDescriptor(characteristic, descriptor) {
      const received = await central.see({ do: "readDescriptor", characteristic, descriptor }, "descriptor");
      return textOf(received.raw);
    },
    async writeDescriptor(characteristic, descriptor, text) {
      await central.do({ do: "writeDescriptor", characteristic, descriptor, value: hex(text) });
    },
    async subscribe(characteristic, kind) {
      if (kind === "none") await central.do({ do: "unsubscribe", characteristic });
      else await central.do({ do: "subscribe", characteristic, indications: kind === "indication" });
    },
    async heard() {
      const { uuid, raw, indication } = await central.see({ do: "notifications", count: 1 }, "notification");
      return { uuid, text: textOf(raw), kind: indication === true ? "indication" : "notification" };
    },
    silence: async (ms) => {
      await central.do({ do: "expectSilence", seconds: ms / 1000 });
    },
    disconnect: async () => {
      await central.do({ do: "disconnect" });
    },
    disconnected: async () => (await central.see({ do: "awaitDisconnection" }, "disconnected")).reason,
  };
}

function bleHostClient(central: BleHostCentral): Client {
  const link = async (name: string): Promise<void> => central.connect(await central.find(name));
  return {
    address: bleHostAddress.toLowerCase(),
    // It knows no other.
    mtuFor: () => 517,
    find: (name) => central.find(name),
    async offAir(name, ms) {
      const found = await central.find(name, () => true, ms).catch((error: unknown) => error);
      assert.ok(found instanceof WaitError, `${name} advertises, although it should not`);
    },
    link,
    async connect(name) {
      await link(name);
      await central.discover();
    },
    exchangeMtu: () => central.exchangeMtu(),
    read: async (characteristic) => (await central.read(characteristic)).toString(),
    write: (characteristic, text, response = true) =>
      response
        ? central.write(characteristic, Buffer.from(text))
        : central.writeWithoutResponse(characteristic, Buffer.from(text)),
    readDescriptor: async (characteristic, descriptor) =>
      (await central.readDescriptor(characteristic, descriptor)).toString(),
    writeDescriptor: (characteristic, descriptor, text) =>
      central.writeDescriptor(characteristic, descriptor, Buffer.from(text)),
    subscribe: (characteristic, kind) =>
      kind === "none"
        ? central.unsubscribe(characteristic)
        : central.subscribe(characteristic, kind === "indication"),
    async heard() {
      const { uuid, value, isIndication } = await central.received.take("a notification or indication");
      return { uuid, text: value.toString(), kind: isIndication ? "indication" : "notification" };
    },
    async silence(ms) {
      const heard = await central.received.take("silence", ms).catch((error: unknown) => error);
      assert.ok(heard instanceof WaitError, `heard ${JSON.stringify(heard)}, which nobody waited for`);
    },
    disconnect: async () => {
      await central.disconnect();
    },
    disconnected: () => central.disconnected(),
  };
}
