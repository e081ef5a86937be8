/** One camera, its controllers and the peers around it; everything is stopped again, whatever happened. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildRoot, root, venvProgram } from "../../tools/paths.ts";
import { type ApplicationName, advertisedName } from "./applications.ts";
import { BleHostCentral } from "./ble-host-central.ts";
import { BleHostPeripheral } from "./ble-host-peripheral.ts";
import { BumbleCentral } from "./bumble-central.ts";
import type { Camera, CameraKind } from "./cameras.ts";
import { RigProcess } from "./child-process.ts";
import { HciProxy } from "./hci-proxy.ts";
import { RawCentral } from "./raw-central.ts";

/** Lines of each log that a failed test shows. */
const shownLines = 40;
const shownWidth = 240;

interface Ready {
  readonly controllers: readonly { readonly hci: string; readonly address: string }[];
}

export class Rig {
  readonly camera: Camera;
  /** Between the camera and its controller; records their talk. */
  readonly proxy: HciProxy;
  /** btsnoop file of everything between the camera and its controller. */
  readonly snoopPath: string;
  readonly cameraName: string;
  private readonly controller: RigProcess;
  private readonly centralHci: string;
  private readonly directory: string;
  private readonly closers: (() => Promise<void> | void)[] = [];
  private readonly logs: RigProcess[] = [];
  private readonly others: Camera[] = [];

  private constructor(parts: {
    camera: Camera;
    proxy: HciProxy;
    snoopPath: string;
    cameraName: string;
    controller: RigProcess;
    centralHci: string;
    directory: string;
  }) {
    this.camera = parts.camera;
    this.proxy = parts.proxy;
    this.snoopPath = parts.snoopPath;
    this.cameraName = parts.cameraName;
    this.controller = parts.controller;
    this.centralHci = parts.centralHci;
    this.directory = parts.directory;
  }

  /** Starts controllers, and a camera with this application. With `mute` the controller is silent at first. */
  static async start(kind: CameraKind, app: ApplicationName, options: { mute?: boolean } = {}): Promise<Rig> {
    const interopRoot = join(buildRoot, "interop");
    mkdirSync(interopRoot, { recursive: true });
    const directory = mkdtempSync(join(interopRoot, "rig-"));
    const controller = new RigProcess("controller", venvProgram("python"), [
      join(root, "tools/rig/controller.py"),
      "--log",
      join(directory, "controller.log"),
    ]);
    let proxy: HciProxy | undefined;
    try {
      const ready = JSON.parse(await controller.line(/"ready"/)) as Ready;
      const [forCamera, forCentral] = ready.controllers;
      if (forCamera === undefined || forCentral === undefined)
        throw new Error("the rig needs two controllers");
      const snoopPath = join(directory, "camera.btsnoop");
      proxy = await HciProxy.open(forCamera.hci, snoopPath);
      if (options.mute === true) proxy.mute();
      const camera = await kind.start(app, proxy.hci, directory);
      const cameraName = advertisedName[app];
      return new Rig({
        camera,
        proxy,
        snoopPath,
        cameraName,
        controller,
        centralHci: forCentral.hci,
        directory,
      });
    } catch (error) {
      await proxy?.close();
      await controller.stop();
      throw error;
    }
  }

  /** A Bumble central. The rig has one controller for centrals: one central at a time. */
  async bumble(address?: string): Promise<BumbleCentral> {
    const central = await BumbleCentral.start(this.centralHci, this.cameraName, address);
    this.logs.push(central.process);
    this.closers.push(() => central.stop());
    return central;
  }

  /** A ble-host central. */
  async bleHost(): Promise<BleHostCentral> {
    const central = await BleHostCentral.open(this.centralHci);
    this.closers.push(() => central.close());
    return central;
  }

  /** A Bumble peripheral that serves what applications/reader wants. It has the place of a central. */
  bumblePeripheral(): Promise<void> {
    return this.startPeripheral("bumble-peripheral.py");
  }

  /** Another, which pairs with applications/pairer. */
  bumblePairingPeripheral(): Promise<void> {
    return this.startPeripheral("bumble-pairing-peripheral.py");
  }

  private async startPeripheral(name: string): Promise<void> {
    const script = join(root, "host-tests/interop", name);
    const peripheral = new RigProcess("Bumble", venvProgram("python"), [script, "--hci", this.centralHci]);
    this.logs.push(peripheral);
    this.closers.push(() => peripheral.stop());
    await peripheral.line(/peer: advertising/);
  }

  /** The same on ble-host. */
  async bleHostPeripheral(): Promise<void> {
    const peripheral = await BleHostPeripheral.open(this.centralHci);
    this.closers.push(() => peripheral.close());
  }

  /** Another camera, in the place of a central. It runs until the rig is stopped. */
  async otherCamera(kind: CameraKind, app: ApplicationName): Promise<Camera> {
    const directory = join(this.directory, "other");
    mkdirSync(directory, { recursive: true });
    const other = await kind.start(app, this.centralHci, directory);
    this.others.push(other);
    return other;
  }

  /** A central without a stack. */
  async raw(): Promise<RawCentral> {
    const central = await RawCentral.open(this.centralHci);
    this.closers.push(() => central.close());
    return central;
  }

  /** The last lines of every process, for the report of a failed test. */
  report(): string {
    const logs = [
      { name: "camera", lines: this.camera.console },
      ...this.others.map(({ console }) => ({ name: "other camera", lines: console })),
      { name: "controller", lines: this.controller.lines },
      ...this.logs.map(({ name, lines }) => ({ name, lines })),
    ];
    const sections = logs.map(({ name, lines }) =>
      [
        `--- ${name}, last lines of ${lines.length}`,
        ...lines.slice(-shownLines).map((line) => line.slice(0, shownWidth)),
      ].join("\n"),
    );
    return [...sections, `--- files: ${this.directory}`].join("\n");
  }

  /** Ends the centrals, not the camera. */
  async stopCentrals(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  /** Ends everything. Keeps the files of a failed run. */
  async stop(options: { keepFiles?: boolean } = {}): Promise<void> {
    await this.stopCentrals();
    for (const camera of [...this.others, this.camera]) await camera.stop();
    await this.proxy.close();
    await this.controller.stop();
    if (options.keepFiles !== true) rmSync(this.directory, { recursive: true, force: true });
  }
}
