/**
 * Which devices a scan is about: the controller's accept list has them, or, where it does not know them under their private
 * addresses, the host looks at each report.
 */
import { BleError } from "../errors.ts";
import {
  leAddDeviceToFilterAcceptList,
  leClearFilterAcceptList,
  leReadFilterAcceptListSize,
} from "../hci/commands/le-scanning.ts";
import type { Hci } from "../hci/hci.ts";
import { type ListedDevice, sameDevice } from "./address.ts";
import type { OwnAddresses } from "./own-address.ts";

/** What the host knows of who has an address. */
export interface PeerIdentities {
  /** Who has this address on the air: a bonded device by its identity, another by itself. A hint, which only its key proves. */
  identityOf(device: ListedDevice): ListedDevice;
  /** Whether the device with this identity may be on the air under private addresses that its bond resolves, and not the controller. */
  isResolvedHere(addressType: number, address: Uint8Array): boolean;
}

/** What the filter is handed. */
export interface ScanFilterPort {
  readonly hci: Hci;
  readonly addresses: OwnAddresses;
  readonly peers: PeerIdentities;
}

/** How the accept list of the controller has to name these devices; undefined where it would miss some. */
export function acceptListOf(
  { addresses, peers }: ScanFilterPort,
  devices: readonly ListedDevice[],
): ListedDevice[] | undefined {
  if (devices.some(({ addressType, address }) => peers.isResolvedHere(addressType, address)))
    return undefined;
  return devices.map((device) => addresses.resolving?.find(device) ?? device);
}

/** Who was heard, as the host knows it. The controller may have resolved the address, which its type says. */
function knownAs(peers: PeerIdentities, heard: ListedDevice): ListedDevice {
  const { addressType, address } = peers.identityOf(heard);
  return { addressType: addressType & 1, address };
}

/** Whether this device was heard. */
export function isDevice(peers: PeerIdentities, device: ListedDevice, heard: ListedDevice): boolean {
  return sameDevice(device, knownAs(peers, heard));
}

/** Whether one of these devices was heard. */
export function isAmong(
  peers: PeerIdentities,
  devices: readonly ListedDevice[],
  heard: ListedDevice,
): boolean {
  const known = knownAs(peers, heard);
  return devices.some((device) => sameDevice(device, known));
}

/**
 * Gives the controller these devices as its accept list. Only while nothing on the air uses it.
 * @throws BleError `accept-list-full` when it has no room for them, HciError when it refuses.
 */
export async function fillAcceptList(hci: Hci, devices: readonly ListedDevice[]): Promise<void> {
  const { filterAcceptListSize } = await hci.send(leReadFilterAcceptListSize, {});
  if (devices.length > filterAcceptListSize) {
    throw new BleError(
      "accept-list-full",
      `This Bluetooth controller's accept list has room for ${filterAcceptListSize} devices, not ${devices.length}.`,
    );
  }
  await hci.send(leClearFilterAcceptList, {});
  for (const { addressType, address } of devices)
    await hci.send(leAddDeviceToFilterAcceptList, { addressType, address });
}
