/** Features: parts of the firmware that an image can be without. The image's manifest names those that it has. */
import type { Core } from "../aioble/core.ts";
import { BleError } from "../ble/errors.ts";
import type { Host } from "../ble/host.ts";
import type { ControllerDriver } from "../controllers/driver.ts";
import type { Platform, Signals } from "../platform/platform.ts";
import type { Native } from "../platform/xs/native.ts";

/** The modules that an application imports. */
export type PublicModule = "aioble" | "bluetooth" | "camera" | "power" | "update";

/** One feature: firmware/features/<name>.ts exports it as `feature`, and catalogue.json says what an image is without. */
export interface Feature {
  /**
   * Registers with the host what the feature takes part in: settings (`host.settingTable.declare`), HCI events
   * (`host.hci.on`), channels, links. Called once, before the radio is on.
   */
  readonly attach?: (host: Host) => void;
  /** What it adds to a camera's platform. */
  readonly platform?: (native: Native) => Partial<Platform>;
  /** The driver of the board's controller, where this feature is what it needs. Called once, before there is a host. */
  readonly controller?: (platform: Platform) => ControllerDriver | undefined;
  /** Names that it adds to `aioble`, bound to the host. */
  readonly aioble?: (core: Core) => object;
  /** Names that it adds to `bluetooth`, bound to the host. */
  readonly bluetooth?: (host: Host) => object;
  /** The names of `power`, bound to the host. */
  readonly power?: (host: Host, signals: Signals) => object;
  /** The names of `update`, bound to the host. Begins to serve clients. */
  readonly update?: (host: Host) => object;
  /**
   * Serves clients in the place of an application that cannot run, or sleeps. Called after `update`, once the modules are made.
   */
  readonly recovery?: (host: Host) => void;
}

/** A feature that an image is without, and its names. */
export interface MissingFeature {
  readonly feature: string;
  /** Names of classes and functions, by module. */
  readonly api?: Partial<Readonly<Record<PublicModule, readonly string[]>>>;
  /** Methods of classes that are there without it: `Device.connect`. */
  readonly methods?: readonly string[];
  /** Names of settings. */
  readonly settings?: readonly string[];
}

/** What an image has and what it is without. */
export interface Image {
  /** Name of its manifest. */
  readonly manifest: string;
  readonly features: readonly Feature[];
  /** Those that have names which an application may ask for. */
  readonly missing: readonly MissingFeature[];
}

/** The error for a name that comes with a feature which `image` is without. */
export function missingFeature(image: Image, what: string, feature: string): BleError {
  return new BleError(
    "not-supported",
    `${what} needs the feature "${feature}", which this image is without: add it to "features" in the manifest ${image.manifest}, or build with --manifest camera, which has all.`,
  );
}

/**
 * The driver of the board's controller; undefined for one that is always on.
 * @param name how the board names it; the platform's lines say it too, where it has them
 * @throws BleError `not-supported` when the image is without.
 */
export function controllerDriver(
  image: Image,
  platform: Platform,
  name: string | undefined = platform.radioLines?.driver,
): ControllerDriver | undefined {
  if (name === undefined) return undefined;
  for (const { controller } of image.features) {
    const driver = controller?.(platform);
    if (driver) return driver;
  }
  throw missingFeature(image, "This board's Bluetooth controller", name);
}

/** In place of a feature's classes and functions in `module`: each throws `not-supported` when it is called. */
export function missingNames(image: Image, module: PublicModule): Record<string, () => never> {
  const names: Record<string, () => never> = {};
  for (const { feature, api } of image.missing) {
    for (const name of api?.[module] ?? []) {
      // No arrow function: `new` must reach it.
      names[name] = function missing(): never {
        throw missingFeature(image, `${name} of "${module}"`, feature);
      };
    }
  }
  return names;
}

/** Settings and methods that come with features which `image` is without, each with the error that says so. */
export function missingParts(image: Image): ReadonlyMap<string, () => BleError> {
  const parts = new Map<string, () => BleError>();
  for (const { feature, methods = [], settings = [] } of image.missing) {
    for (const name of methods) parts.set(name, () => missingFeature(image, name, feature));
    for (const name of settings) parts.set(name, () => missingFeature(image, `config: ${name}`, feature));
  }
  return parts;
}
