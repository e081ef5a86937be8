/** docs/aioble.md: no name of MicroPython's modules is lost, every name of ours exists, and none of ours is missing. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { RemoteCharacteristic, RemoteService } from "../../../firmware/ble/gatt/client/remote.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import { feature as powerFeature } from "../../../firmware/features/power.ts";
import { createSignals } from "../../../firmware/platform/globals.ts";
import { root } from "../../../tools/paths.ts";
import { readPage } from "../../docs/blocks.ts";
import { createConnectedRig, type Rig, SIGNALING } from "../../support/rig.ts";
import { micropythonNames } from "./micropython-names.ts";

const page = readPage("docs/aioble.md");

/** The two cells of every row, and those behind. */
const rows = [...page.matchAll(/^\| (.*)\|$/gm)]
  .map((match) => match[1]!.split("|").map((cell) => cell.trim()))
  .filter(([left]) => left !== "MicroPython");

const spansOf = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

const left = rows.flatMap(([cell]) => spansOf(cell!));
const right = rows.flatMap(([, cell]) => spansOf(cell!));

/** Words of a cell's spans: `{ sendUpdate }` and `connection.mtu` alike. */
const words = (spans: readonly string[]): Set<string> =>
  new Set(spans.flatMap((span) => span.match(/\w+/g) ?? []));

/** Sources of the public modules, where options and handlers are declared. */
function declarations(): string {
  const folders = [
    "firmware/aioble",
    "firmware/bluetooth",
    "firmware/ble",
    "firmware/ble/gap",
    "firmware/ble/l2cap",
    "firmware/power",
  ];
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => readFileSync(join(root, folder, name), "utf8")),
    )
    .join("\n");
}

/** The classes that an application meets, and where they are declared. */
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  Device: ["aioble/device.ts"],
  DeviceConnection: ["aioble/device-connection.ts"],
  Service: ["aioble/server.ts"],
  Characteristic: ["aioble/server.ts", "aioble/server-attribute.ts"],
  BufferedCharacteristic: ["aioble/server.ts", "aioble/server-attribute.ts"],
  Descriptor: ["aioble/server.ts", "aioble/server-attribute.ts"],
  Scan: ["aioble/scan.ts"],
  L2CAPChannel: ["aioble/l2cap-channel.ts"],
  ScanResult: ["aioble/scan-result.ts"],
  ClientService: ["aioble/client-service.ts"],
  ClientCharacteristic: ["aioble/client-characteristic.ts", "aioble/client-value.ts"],
  ClientDescriptor: ["aioble/client-characteristic.ts", "aioble/client-value.ts"],
  UUID: ["ble/uuid.ts"],
  BLE: ["bluetooth/ble.ts"],
};

/** Methods of a class that an application sees: those that are not private, and whose comment does not say otherwise. */
function publicMembers(prototype: object, files: readonly string[]): string[] {
  const source = files.map((file) => readFileSync(join(root, "firmware", file), "utf8")).join("\n");
  return Object.getOwnPropertyNames(prototype).filter((name) => {
    if (name === "constructor") return false;
    const modifiers = "(?:(?:private|protected|readonly|async|override|static|get|set) )*";
    const declared = new RegExp(`(?:/\\*\\*(?:(?!\\*/)[^])*\\*/\\s*)?^ {2}${modifiers}${name}\\b`, "gm");
    return [...source.matchAll(declared)].every(
      ([text]) => !/^ {2}(private|protected)\b/m.test(text) && !/Not (for applications|part of)/.test(text),
    );
  });
}

describe("docs/aioble.md", () => {
  let rig: Rig;
  let modules: Record<string, unknown>;
  /** One object of each kind, by the name that the page gives it. */
  let objects: Record<string, object>;
  const sources = declarations();

  before(async () => {
    rig = await createConnectedRig();
    const bluetooth = createBluetooth(rig.host);
    const power = powerFeature.power(rig.host, createSignals(rig.host.platform));
    modules = { ...bluetooth, ...rig.aioble, ...power };
    const { BufferedCharacteristic, Characteristic, Descriptor, GattError, ScanResult, Service } = rig.aioble;
    const uuid = new bluetooth.UUID(0x180f);
    const service = new Service(uuid);
    const characteristic = new Characteristic(service, uuid, {});
    const [connection] = [...rig.host.connections.values()];
    const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect(0x41);
    const held = await advertised;
    assert.ok(connection);
    const { ClientCharacteristic, ClientDescriptor, ClientService } = rig.aioble;
    const client = held.clientFor("services");
    const clientService = new ClientService(client, new RemoteService(1, 9, uuid));
    const clientCharacteristic = new ClientCharacteristic(
      clientService,
      new RemoteCharacteristic(2, 3, 0x3f, uuid),
    );
    const accepted = held.l2capAccept(0x80);
    // LE Credit Based Connection Request: SPSM, source, MTU, MPS, credits.
    await rig.exchange(SIGNALING, [0x14, 1, 10, 0, 0x80, 0, 0x40, 0, 64, 0, 64, 0, 1, 0], 0x41);
    const broadcasting = rig.aioble.broadcast({ intervalUs: 100_000 });
    await rig.settle();
    objects = {
      uuid,
      service,
      characteristic,
      connection: held,
      device: held.device,
      buffered: new BufferedCharacteristic(service, uuid, {}),
      descriptor: new Descriptor(characteristic, uuid, {}),
      clientService,
      clientCharacteristic,
      clientDescriptor: new ClientDescriptor(clientCharacteristic, { handle: 4, uuid }),
      ble: new bluetooth.BLE(),
      security: rig.aioble.security,
      broadcaster: await broadcasting,
      scan: rig.aioble.scan(),
      result: new ScanResult(held.device),
      channel: await accepted,
      connectionError: new rig.aioble.L2CAPConnectionError(2),
      disconnectedError: new rig.aioble.L2CAPDisconnectedError("peer"),
      gattError: new GattError(1),
      bleError: new GattError(1),
      Characteristic,
    };
  });

  it("has every name of MicroPython's modules", () => {
    const there = words(left);
    assert.ok(micropythonNames.length > 150);
    assert.deepEqual(
      micropythonNames.filter((name) => !name.split(".").every((word) => there.has(word))),
      [],
    );
  });

  it("names nothing of ours that does not exist", () => {
    const missing = right.filter((span) => {
      const [, path, call] = /^(?:([\w.]+))?(.*)$/.exec(span)!;
      const options = [...(call ?? "").matchAll(/\{ ([^}]*) \}/g)].flatMap((match) =>
        match[1]!.split(",").map((option) => option.trim().split(":")[0]!),
      );
      if (options.some((option) => !new RegExp(`\\b${option}\\??: `).test(sources))) return true;
      if (path === undefined || /^\d/.test(path)) return false;
      const [head, member] = path.split(".") as [string, string | undefined];
      if (member === undefined)
        return (
          !(head in modules) && !/^(TypeError|RangeError|not|bond|mitm|io|leSecure|bluetooth)$/.test(head)
        );
      const owner = objects[head];
      if (owner === undefined) return true;
      // A handler that an application may set is declared and has no value.
      return !(member in owner) && !new RegExp(`^ {2}${member}\\?\\(`, "m").test(sources);
    });
    assert.deepEqual(missing, []);
  });

  it("has every export of ours, and every member that an application sees", () => {
    const there = words(right);
    const names = new Set(Object.keys(modules));
    for (const [name, files] of Object.entries(CLASSES)) {
      const { prototype } = modules[name] as { prototype: object };
      const parent = Object.getPrototypeOf(prototype) as object;
      for (const one of parent === Object.prototype ? [prototype] : [prototype, parent]) {
        for (const member of publicMembers(one, files)) names.add(member);
      }
    }
    assert.ok(names.size > 100, `${names.size}`);
    assert.deepEqual(
      [...names].filter((name) => !there.has(name)),
      [],
    );
  });

  it("gives each event its number", () => {
    const events = rows.filter(([cell]) => cell!.startsWith("`_IRQ_"));
    assert.equal(events.length, 31);
    for (const [theirs, ours, number] of events) {
      const name = spansOf(ours!)[0]!;
      assert.equal(spansOf(theirs!)[0], `_${name}`);
      assert.equal(modules[name], Number(number), name);
    }
  });

  it("gives each flag its number", () => {
    const numbers = rows.flatMap(([theirs, ours]) =>
      spansOf(theirs!).map((span, index) => [span, spansOf(ours!)[index]] as const),
    );
    const flags = numbers.filter(([span]) => /^0x/.test(span));
    assert.equal(flags.length, 9);
    for (const [number, name] of flags) assert.equal(modules[name!], Number(number), name);
  });
});
