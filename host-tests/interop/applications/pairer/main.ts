/** A camera that pairs with a peripheral by each method of both protocols, comes back, and sees bonds forgotten. */
import {
  ADDR_RANDOM,
  type ClientCharacteristic,
  Device,
  type DeviceConnection,
  type PairingAgent,
  type PairingError,
  type PairOptions,
  security,
} from "aioble";
import { UUID } from "bluetooth";
import { CASES, type Case, MODE, OUT_OF_BAND, PEER_ADDRESS, SECRET, SERVICE, SHOWN, TYPED } from "./names.ts";

const SLOW = { timeoutMs: 20_000 };
const peer = new Device(ADDR_RANDOM, PEER_ADDRESS);
const say = (line: string): void => console.log(`pairer: ${line}`);
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const reversed = (bytes: Uint8Array): Uint8Array => bytes.slice().reverse();

/** The peripheral's values on one connection. */
class Peer {
  readonly connection: DeviceConnection;

  constructor(connection: DeviceConnection) {
    this.connection = connection;
  }

  private async find(uuid: string): Promise<ClientCharacteristic> {
    const service = await this.connection.service(new UUID(SERVICE), SLOW);
    const found = await service?.characteristic(new UUID(uuid), SLOW);
    if (!found) throw new Error(`no characteristic ${uuid}`);
    return found;
  }

  async read(uuid: string): Promise<Uint8Array> {
    return (await this.find(uuid)).read(SLOW);
  }

  async write(uuid: string, value: string | Uint8Array): Promise<void> {
    await (await this.find(uuid)).write(value, { ...SLOW, response: true });
  }
}

async function meet(): Promise<Peer> {
  return new Peer(await peer.connect({ timeoutMs: 30_000 }));
}

/** The digits that the peripheral shows, once there are any. */
async function shown(peripheral: Peer): Promise<string> {
  for (;;) {
    const digits = text(await peripheral.read(SHOWN));
    if (digits !== "") return digits;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function optionsFor(peripheral: Peer, { method, protocol }: Case): Promise<PairOptions> {
  const display: PairingAgent["display"] = ({ passkey }) => peripheral.write(TYPED, passkey);
  const agents: Record<Case["method"], PairingAgent | undefined> = {
    nothing: undefined,
    shows: { input: () => shown(peripheral) },
    types: { display },
    compares: { display: () => {}, compare: () => true },
    outOfBand: undefined,
  };
  const agent = agents[method];
  const isSecure = protocol === "secure";
  const options = { ...SLOW, leSecure: isSecure ? ("only" as const) : false, ...(agent ? { agent } : {}) };
  // A legacy passkey authenticates nothing: whoever demands that has no such pairing.
  if (method !== "outOfBand") return { ...options, mitm: agent !== undefined && isSecure };
  const data = await peripheral.read(OUT_OF_BAND);
  const [confirm, random, temporaryKey] = [0, 16, 32].map((at) => reversed(data.subarray(at, at + 16)));
  const own = security.localOob();
  const ours = new Uint8Array(32);
  ours.set(reversed(own.confirm));
  ours.set(reversed(own.random), 16);
  await peripheral.write(OUT_OF_BAND, ours);
  return {
    ...options,
    mitm: true,
    oob: isSecure ? { random: random!, confirm: confirm! } : { temporaryKey: temporaryKey! },
  };
}

function protection({
  authenticated,
  bonded,
  encrypted,
  keySize,
  secureConnections,
}: DeviceConnection): string {
  return JSON.stringify({ encrypted, authenticated, bonded, keySize, secureConnections });
}

async function pairBy(each: Case): Promise<void> {
  const name = `${each.method} ${each.protocol}`;
  security.bonds.clear();
  const first = await meet();
  await first.write(MODE, "forget");
  await first.write(MODE, name);
  await first.connection.pair(await optionsFor(first, each));
  say(`${name}: ${text(await first.read(SECRET))} ${protection(first.connection)}`);
  await first.connection.disconnect();
  // What is read waits until the link is encrypted, which it is by itself.
  const second = await meet();
  say(`${name}, again: ${text(await second.read(SECRET))} ${protection(second.connection)}`);
  await second.connection.disconnect();
}

function codeOf(error: unknown): string {
  const { code, reason, source } = error as Partial<PairingError>;
  return `${code ?? error} ${reason} ${source}`;
}

/** After the last case, with a bond on both sides. */
async function forgetBonds(): Promise<void> {
  let peripheral = await meet();
  await peripheral.write(MODE, "forget");
  await peripheral.connection.disconnect();
  peripheral = await meet();
  const lost = await peripheral.connection.pair().then(() => "paired", codeOf);
  const read = await peripheral.read(SHOWN).then(() => "read", codeOf);
  say(`forgotten there: ${lost}, bonds ${security.bonds.size}, what is open: ${read}`);
  if (peripheral.connection.isConnected()) await peripheral.connection.disconnect();
  security.bonds.delete(peer);
  peripheral = await meet();
  await peripheral.write(MODE, "nothing secure");
  await peripheral.connection.pair();
  say(`paired anew: ${text(await peripheral.read(SECRET))} ${protection(peripheral.connection)}`);
  await peripheral.connection.disconnect();
  security.bonds.clear();
  peripheral = await meet();
  await peripheral.connection.pair();
  say(
    `forgotten here, paired anew: ${text(await peripheral.read(SECRET))} ${protection(peripheral.connection)}`,
  );
  await peripheral.connection.disconnect();
}

try {
  for (const each of CASES) await pairBy(each);
  await forgetBonds();
  say("done");
} catch (error) {
  say(`failed: ${error}`);
  throw error;
}
