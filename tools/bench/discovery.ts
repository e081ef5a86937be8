/** The application that shows what discovery costs; database.ts is what the device serves. */
import { advertise, config, type DeviceConnection } from "aioble";
import { UUID } from "bluetooth";
import {
  DISCOVERY_MTU,
  DISCOVERY_REPETITIONS,
  DISCOVERY_WARM_UP,
  LAST_SERVICE,
  type Measure,
  PER_SERVICE,
  SERVICES,
} from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

/** Everything that the device serves; how many descriptors. */
async function walk(connection: DeviceConnection): Promise<number> {
  let descriptors = 0;
  for await (const service of connection.services()) {
    for await (const characteristic of service.characteristics()) {
      for await (const descriptor of characteristic.descriptors()) {
        if (descriptor.uuid.short === 0x2902) descriptors++;
      }
    }
  }
  return descriptors;
}

// A slow machine must not make the peer a silent one.
config({ idleTimeoutMs: 0 });
const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
await connection.exchangeMtu({ mtu: DISCOVERY_MTU });
for (let count = 0; count < DISCOVERY_WARM_UP + DISCOVERY_REPETITIONS; count++) {
  if (count === DISCOVERY_WARM_UP) measure.begin("discovery8x40");
  measure.open();
  const descriptors = await walk(connection);
  measure.close();
  if (descriptors !== SERVICES * PER_SERVICE) throw new Error(`${descriptors} descriptors were found`);
}
measure.end();
// Says that it is through.
await connection.service(new UUID(LAST_SERVICE));
measure.finish();
