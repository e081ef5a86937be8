/** The application that shows what a scan costs; peer.ts plays who advertises, and the central that follows it. */
import { advertise, Characteristic, config, registerServices, Service, scan } from "aioble";
import { UUID } from "bluetooth";
import { ADVERTISERS, ADVERTISERS_WARM_UP, type Measure, SERVICE, VALUE } from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

const service = new Service(new UUID(SERVICE));
const taken = new Characteristic(service, new UUID(VALUE), { notify: true });
registerServices(service);
// A slow machine must not make the peer a silent one.
config({ idleTimeoutMs: 0 });
const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
const one = new Uint8Array(1);
const force = { force: true };

const last = ADVERTISERS_WARM_UP + ADVERTISERS;
let count = 0;
await taken.notify(connection, one, force);
measure.heap("beforeScan");
for await (const result of scan()) {
  measure.close();
  count++;
  if (result.advData?.length !== 31) throw new Error("a result without its data");
  if (count === ADVERTISERS_WARM_UP) measure.begin("scanReport");
  if (count === last) {
    measure.end();
    measure.heap("scan");
  }
  if (count === last + 2 * ADVERTISERS) {
    measure.heap("scanResponses");
    break;
  }
  await taken.notify(connection, one, force);
}
measure.finish();
