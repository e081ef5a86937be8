/** The application that shows what services, links and subscriptions cost of the heap; peer.ts plays the clients. */
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { FIT_COUNT, FIT_UUID, type Measure, SERVICE, TURN } from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

/** Registers services, and characteristics that clients read, write and subscribe to in each of them. */
function offer(services: number, characteristics: number): Characteristic {
  const first = new Service(new UUID(SERVICE));
  const turn = new Characteristic(first, new UUID(TURN), { writeNoResponse: true });
  const others = Array.from({ length: services }, (_, at) => {
    const service = new Service(new UUID(0xf000 + at));
    for (let index = 0; index < characteristics; index++) {
      new Characteristic(service, new UUID(FIT_UUID + index), { read: true, write: true, notify: true });
    }
    return service;
  });
  registerServices(first, ...others);
  return turn;
}

offer(0, 0);
offer(0, 0);
measure.heap("nothing");
offer(FIT_COUNT, 0);
measure.heap("services");
const turn = offer(1, FIT_COUNT);
measure.heap("characteristics");
const advertising = { intervalUs: 100_000, name: "obscura-bench" };
await advertise(advertising);
await turn.written();
measure.heap("link1");
await advertise(advertising);
await turn.written();
measure.heap("link2");
await turn.written();
measure.heap("subscriptions");
measure.finish();
