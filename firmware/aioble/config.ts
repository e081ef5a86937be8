/** Binds `config` to a host. */
import { type Config, getConfig, type ReadOnlyConfig, setConfig } from "../ble/config.ts";
import type { Core } from "./core.ts";

/** `config` asks for one setting by its name, or changes those in an object. */
export interface ConfigFunction {
  <K extends keyof (Config & ReadOnlyConfig)>(key: K): (Config & ReadOnlyConfig)[K];
  (changes: Partial<Config>): void;
}

export function createConfig(core: Core): ConfigFunction {
  const config = (what: unknown): unknown => {
    if (typeof what === "string") return getConfig(core.host, what as keyof Config);
    if (typeof what !== "object" || what === null) {
      throw new TypeError(
        'config takes the name of a setting, or settings: config("mac"), config({ mtu: 185 })',
      );
    }
    setConfig(core.host, what);
    core.capture.size = core.host.settings.captureQueueSize;
    return undefined;
  };
  return config as ConfigFunction;
}
