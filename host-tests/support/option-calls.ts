/** Every public function that takes options, called with any. unit/aioble/option-calls holds the list against the sources. */

import type { ClientCharacteristic } from "../../firmware/aioble/client-characteristic.ts";
import type { ClientService } from "../../firmware/aioble/client-service.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import type { Broadcaster } from "../../firmware/aioble/peripheral.ts";
import type { Characteristic, Service } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { BLE } from "../../firmware/bluetooth/ble.ts";
import type { Power } from "../../firmware/power/power.ts";
import type { AiobleCamera } from "./cameras.ts";

/** What there is to call on: a central, connected to a peripheral and with a channel to it. */
export interface OptionScene {
  readonly camera: AiobleCamera;
  readonly power: Power;
  readonly ble: BLE;
  readonly connection: DeviceConnection;
  readonly channel: L2CAPChannel;
  readonly remoteService: ClientService;
  readonly remote: ClientCharacteristic;
  readonly broadcast: Broadcaster;
  readonly service: Service;
  readonly characteristic: Characteristic<boolean>;
}

export interface OptionCall {
  /** The function as its declaration says it. */
  readonly name: string;
  /** What the error calls it. */
  readonly what: string;
  call(scene: OptionScene, options: never): unknown;
}

const ID = new UUID(0xfff1);
const DATA = new Uint8Array(1);
const PSM = 0x80;

const device = ({ camera }: OptionScene) => new camera.aioble.Device(1, "c00102030405");

const call = (name: string, what: string, run: OptionCall["call"]): OptionCall => ({ name, what, call: run });

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const optionCalls: readonly OptionCall[] = [
  call("advertise", "advertising", ({ camera }, options) => camera.aioble.advertise(options)),
  call("advertise", "fast", ({ camera }, fast) => camera.aioble.advertise({ intervalUs: 100_000, fast })),
  call("connections", "advertising", ({ camera }, options) => camera.aioble.connections(options)),
  call("broadcast", "advertising", ({ camera }, options) => camera.aioble.broadcast(options)),
  call("updateAdvertising", "the update of advertising", ({ camera }, options) =>
    camera.aioble.updateAdvertising(options),
  ),
  call("Broadcaster.update", "the update of advertising", ({ broadcast }, options) =>
    broadcast.update(options),
  ),
  call("scan", "scan", ({ camera }, options) => camera.aioble.scan(options)),
  call("scan", "manufacturer", ({ camera }, manufacturer) => camera.aioble.scan({ manufacturer })),
  call("Device.connect", "connect", (scene, options) => device(scene).connect(options)),
  call("Device.keepConnected", "connect", (scene, options) => device(scene).keepConnected(options)),

  call("DeviceConnection.updateParameters", "updateParameters", ({ connection }, options) =>
    connection.updateParameters(options),
  ),
  call("DeviceConnection.readRssi", "readRssi", ({ connection }, options) => connection.readRssi(options)),
  call("DeviceConnection.readPhy", "readPhy", ({ connection }, options) => connection.readPhy(options)),
  call("DeviceConnection.setPhy", "setPhy", ({ connection }, options) => connection.setPhy(options)),
  call("DeviceConnection.setDataLength", "setDataLength", ({ connection }, options) =>
    connection.setDataLength(options),
  ),
  call("DeviceConnection.pair", "pair", ({ connection }, options) => connection.pair(options)),
  call("DeviceConnection.pair", "oob", ({ connection }, oob) => connection.pair({ oob })),
  call("DeviceConnection.services", "services", ({ connection }, options) =>
    connection.services(ID, options),
  ),
  call("DeviceConnection.service", "services", ({ connection }, options) => connection.service(ID, options)),
  call("DeviceConnection.exchangeMtu", "exchangeMtu", ({ connection }, options) =>
    connection.exchangeMtu(options),
  ),
  call("DeviceConnection.readMultiple", "readMultiple", ({ connection, remote }, options) =>
    connection.readMultiple([remote], options),
  ),
  call("DeviceConnection.writeReliably", "writeReliably", ({ connection, remote }, options) =>
    connection.writeReliably([[remote, DATA]], options),
  ),
  call("DeviceConnection.flush", "flush", ({ connection }, options) => connection.flush(options)),
  call("DeviceConnection.l2capAccept", "a channel", ({ connection }, options) =>
    connection.l2capAccept(PSM, options),
  ),
  call("DeviceConnection.l2capConnect", "a channel", ({ connection }, options) =>
    connection.l2capConnect(PSM, options),
  ),
  call("DeviceConnection.l2capConnectMultiple", "a channel", ({ connection }, options) =>
    connection.l2capConnectMultiple(PSM, 2, options),
  ),
  call("DeviceConnection.disconnect", "disconnect", ({ connection }, options) =>
    connection.disconnect(options),
  ),
  call("DeviceConnection.disconnected", "disconnected", ({ connection }, options) =>
    connection.disconnected(options),
  ),

  call("L2CAPChannel.send", "send", ({ channel }, options) => channel.send(DATA, options)),
  call("L2CAPChannel.flush", "flush", ({ channel }, options) => channel.flush(options)),
  call("L2CAPChannel.recv", "recv", ({ channel }, options) => channel.recv(options)),
  call("L2CAPChannel.recvinto", "recvinto", ({ channel }, options) => channel.recvinto(DATA, options)),
  call("L2CAPChannel.disconnect", "disconnect", ({ channel }, options) => channel.disconnect(options)),
  call("L2CAPChannel.reconfigure", "reconfigure", ({ channel }, options) => channel.reconfigure(options)),
  call("L2CAPChannel.disconnected", "disconnected", ({ channel }, options) => channel.disconnected(options)),

  call("ClientService.characteristics", "characteristics", ({ remoteService }, options) =>
    remoteService.characteristics(ID, options),
  ),
  call("ClientService.characteristic", "characteristics", ({ remoteService }, options) =>
    remoteService.characteristic(ID, options),
  ),
  call("ClientService.includedServices", "includedServices", ({ remoteService }, options) =>
    remoteService.includedServices(options),
  ),
  call("ClientCharacteristic.descriptors", "descriptors", ({ remote }, options) =>
    remote.descriptors(options),
  ),
  call("ClientCharacteristic.descriptor", "descriptors", ({ remote }, options) =>
    remote.descriptor(ID, options),
  ),
  call("ClientCharacteristic.read", "read", ({ remote }, options) => remote.read(options)),
  call("ClientCharacteristic.write", "write", ({ remote }, options) => remote.write(DATA, options)),
  call("ClientCharacteristic.write", "write", ({ remote }, options) =>
    remote.write(DATA, isObject(options) ? { reliable: true, ...(options as object) } : options),
  ),
  call("ClientCharacteristic.subscribe", "subscribe", ({ remote }, options) => remote.subscribe(options)),
  call("ClientCharacteristic.notified", "notified", ({ remote }, options) => remote.notified(options)),
  call("ClientCharacteristic.indicated", "indicated", ({ remote }, options) => remote.indicated(options)),
  call("ClientCharacteristic.notifications", "notifications", ({ remote }, options) =>
    remote.notifications(options),
  ),
  call("ClientCharacteristic.indications", "indications", ({ remote }, options) =>
    remote.indications(options),
  ),
  call("ClientValue.read", "read", async ({ remote }, options) =>
    (await remote.descriptors().first())!.read(options),
  ),
  call("ClientValue.write", "write", async ({ remote }, options) =>
    (await remote.descriptors().first())!.write(DATA, options),
  ),

  call("new Service", "Service", ({ camera }, options) => new camera.aioble.Service(ID, options)),
  call(
    "new Characteristic",
    "Characteristic",
    ({ camera, service }, options) => new camera.aioble.Characteristic(service, ID, options),
  ),
  call(
    "new Characteristic",
    "format",
    ({ camera, service }, format) => new camera.aioble.Characteristic(service, ID, { format }),
  ),
  call(
    "new BufferedCharacteristic",
    "Characteristic",
    ({ camera, service }, options) => new camera.aioble.BufferedCharacteristic(service, ID, options),
  ),
  call(
    "new Descriptor",
    "Descriptor",
    ({ camera, characteristic }, options) => new camera.aioble.Descriptor(characteristic, ID, options),
  ),
  call("ServerAttribute.written", "written", ({ characteristic }, options) =>
    characteristic.written(options),
  ),
  call("ServerAttribute.writes", "writes", ({ characteristic }, options) => characteristic.writes(options)),
  call("Characteristic.write", "write", ({ characteristic }, options) => characteristic.write(DATA, options)),
  call("Characteristic.notify", "notify", ({ characteristic, connection }, options) =>
    characteristic.notify(connection, DATA, options),
  ),
  call("Characteristic.indicate", "indicate", ({ characteristic, connection }, options) =>
    characteristic.indicate(connection, DATA, options),
  ),
  call("Security.openPairing", "openPairing", ({ camera }, options) =>
    camera.aioble.security.openPairing(options),
  ),

  call("BLE.gapAdvertise", "gapAdvertise", ({ ble }, options) => ble.gapAdvertise(100_000, options)),
  call("BLE.gattsNotify", "gattsNotify", ({ ble }, options) => ble.gattsNotify(0x40, 3, DATA, options)),
  call("BLE.gattsIndicate", "gattsIndicate", ({ ble }, options) => ble.gattsIndicate(0x40, 3, DATA, options)),

  call("deepSleep", "deepSleep", ({ power }, options) => power.deepSleep(options)),
  call("lowBattery", "lowBattery", ({ power }, options) => power.lowBattery(options)),
  call("dutyCycle", "dutyCycle", ({ power }, options) => power.dutyCycle(options)),
];
