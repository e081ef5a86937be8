/** A camera over the air: found, connected to, and its management service opened. */
import { join } from "node:path";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import type { Central } from "../central/central.ts";
import { ToolError } from "../events.ts";
import { buildRoot } from "../paths.ts";
import { isKeyFault, PAIR_ANEW, refusalFault } from "./camera-faults.ts";
import { ManagementClient, openManagement } from "./management-client.ts";

/** How long cameras are looked for, and how long one may take to let itself be connected to. */
const SEARCH_MS = 10_000;
const CONNECT_MS = 10_000;
/** Once one was found, how much longer others are looked for. */
const OTHERS_MS = 1500;

/** The radio listens all the time. */
const LISTENING = { intervalUs: 30_000, windowUs: 30_000, active: true } as const;

/** What cameras are looked for, and connected to, with. */
export type Finder = Pick<Central, "aioble" | "alone" | "checkCount" | "checkRoom">;

/** A device as it was heard. */
export interface Heard {
  /** Who has heard it. */
  readonly central: Finder;
  readonly device: ConnectableDevice;
  readonly name: string;
}

type ConnectableDevice = InstanceType<Central["aioble"]["Device"]>;

/** A camera whose management server answers. */
export interface OpenCamera {
  readonly connection: DeviceConnection;
  readonly client: ManagementClient;
}

/**
 * Looks for the camera that `wanted` names, by its name or its address; without it, for the only one that is there.
 * @throws ToolError when there is none, or more than one.
 */
export async function findCamera(
  central: Finder,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Heard> {
  const heard = new Map<string, Heard & { readonly isManaged: boolean }>();
  const isWanted = ({ name, device }: Heard): boolean =>
    wanted === undefined || name === wanted || device.addrHex() === wanted.toLowerCase();
  const service = SERVICE_UUID;
  let untilMs = performance.now() + SEARCH_MS;
  const search = central.aioble.scan({ ...LISTENING, durationMs: SEARCH_MS, duplicates: "packets", signal });
  for await (const result of search) {
    if (result.connectable) {
      const isManaged = result.services().some((uuid) => uuid.equals(service));
      const each = { central, device: result.device, name: result.name() ?? "", isManaged };
      const key = each.device.addrHex();
      const isNew = !heard.has(key);
      heard.set(key, { ...each, name: each.name || (heard.get(key)?.name ?? "") });
      if (wanted !== undefined && isWanted(heard.get(key)!)) return heard.get(key)!;
      if (isNew) untilMs = Math.min(untilMs, performance.now() + OTHERS_MS);
    }
    if (wanted === undefined && performance.now() >= untilMs) break;
  }
  signal.throwIfAborted();
  const found = [...heard.values()].filter(isWanted);
  const managed = found.filter(({ isManaged }) => isManaged);
  const [only, ...others] = managed.length > 0 ? managed : found;
  if (!only) {
    const what = wanted === undefined ? "No camera" : `No camera ${wanted}`;
    const there = [...heard.values()].filter(({ isManaged }) => isManaged);
    const instead =
      there.length === 0
        ? ""
        : ` Cameras that offer their management: ${listOf(there)}; one that runs no application is called obscura- and four digits, and has the address that it always has (--camera ADDRESS).`;
    throw new ToolError(
      `${what} was heard in ${SEARCH_MS / 1000} s: is it switched on, and does its application advertise? For five minutes after power-on the firmware does, 10 s after the application has stopped. Whoever is connected may hide it, \`logs\` or \`deploy\` on another computer for one: a camera with all its connections taken is not heard.${instead}`,
    );
  }
  if (others.length > 0)
    throw new ToolError(`There are several: name one with --camera. ${listOf([only, ...others])}`);
  return only;
}

const listOf = (cameras: readonly Heard[]): string =>
  cameras.map(({ name, device }) => `${name || "(no name)"} ${device.addrHex()}`).join(", ");

/** Deletes this computer's bond with a camera, if there is one, so that it pairs when it connects. */
export const forgetCamera = ({ central, device }: Heard, signal: AbortSignal): Promise<boolean> =>
  central.alone(async () => central.aioble.security.bonds.delete(device), signal);

/** The camera's address, where it stays the same: a public or a static random one (Vol 6, Part B, 1.3). */
export function lastingAddress({ device }: Pick<Heard, "device">): string | undefined {
  const address = device.addrHex();
  return device.addrType === 0 || /^[c-f]/.test(address) ? address : undefined;
}

/**
 * Connects, pairs where the camera wants that, and asks for a sign of life.
 * @throws ToolError when it has no management server, does not let us in, or would have a bond that this computer cannot keep.
 */
export function openCamera(
  {
    central,
    device,
  }: Pick<Heard, "device"> & { readonly central: Pick<Finder, "alone" | "checkCount" | "checkRoom"> },
  signal: AbortSignal,
): Promise<OpenCamera> {
  return central.alone(async () => {
    central.checkRoom(device);
    return open(device, signal, () => central.checkCount());
  }, signal);
}

async function open(
  device: ConnectableDevice,
  signal: AbortSignal,
  checkPairing: () => void,
): Promise<OpenCamera> {
  const connection = await device.connect({ timeoutMs: CONNECT_MS, signal });
  try {
    const link = await openManagement(connection, signal, checkPairing);
    if (!link)
      throw new ToolError("This device has no management service: its image is without the feature update.");
    const client = new ManagementClient(link);
    await client.echo("obscura");
    return { connection, client };
  } catch (error) {
    // A link that is down has no key any more.
    const { bonded, secureConnections } = connection;
    await connection.disconnect().catch(() => undefined);
    signal.throwIfAborted();
    if (isLostBond(error))
      throw new ToolError(
        `The camera has forgotten this computer, or another device stands in its place. ${PAIR_ANEW}`,
      );
    if (isKeyFault(error))
      throw new ToolError(
        `The camera has another key than this computer. ${(error as Error).message} ${PAIR_ANEW}`,
      );
    throw refusalFault(error, { bonded, secureConnections }) ?? error;
  }
}

/** Where this computer's bonds are when nobody says: one file for all cameras. */
export function bondsFile(): string {
  return join(buildRoot, "central", "bonds.json");
}

function isLostBond(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "bond-lost";
}
