/** The public modules that stand on a host, as an image's features fill them. */
import { createAioble } from "../aioble/aioble.ts";
import type { Host } from "../ble/host.ts";
import { UUID } from "../ble/uuid.ts";
import type { Signals } from "../platform/platform.ts";
import { type Image, missingNames } from "./feature.ts";

/**
 * Attaches the image's features to the host and binds the modules to it. What comes with a feature that the image is
 * without throws `not-supported`.
 * @param signals makes the signals of the application
 */
export function createModules(host: Host, signals: Signals, image: Image) {
  const { features } = image;
  for (const feature of features) feature.attach?.(host);
  const additions = features.flatMap(({ aioble }) => aioble ?? []);
  return {
    aioble: Object.assign(createAioble(host, signals, additions), missingNames(image, "aioble")),
    bluetooth: Object.assign(
      { UUID },
      ...features.map(({ bluetooth }) => bluetooth?.(host)),
      missingNames(image, "bluetooth"),
    ) as object,
    power: Object.assign(
      {},
      ...features.map(({ power }) => power?.(host, signals)),
      missingNames(image, "power"),
    ) as object,
    update: Object.assign(
      {},
      ...features.map(({ update }) => update?.(host)),
      missingNames(image, "update"),
    ) as object,
  };
}
