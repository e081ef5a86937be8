/**
 * The central's side of multitests: the peripheral is another camera, with applications/multitests. Connects to its selector,
 * names a scenario, and plays its own part of it; one after the other, then it is done.
 */
import { type DeviceConnection, stop } from "aioble";
import { UUID } from "bluetooth";
import { type Scenario, say } from "../multitests/kit.ts";
import { ALL_DONE, BETWEEN_CAMERAS, SELECT, SELECTOR_NAME, SELECTOR_SERVICE } from "../multitests/names.ts";
import { aiobleCentrals } from "./aioble.ts";
import { bluetoothCentrals } from "./bluetooth.ts";
import { connectTo, find, PATIENT } from "./find.ts";

const scenarios: Readonly<Record<(typeof BETWEEN_CAMERAS)[number], Scenario>> = {
  ...aiobleCentrals,
  ...bluetoothCentrals,
};

async function choose(connection: DeviceConnection, name: string): Promise<void> {
  const service = await connection.service(new UUID(SELECTOR_SERVICE), PATIENT);
  const select = await find(service, SELECT);
  await select.write(name, PATIENT);
  await connection.disconnected(PATIENT);
}

for (const name of BETWEEN_CAMERAS) {
  try {
    await choose(await connectTo(SELECTOR_NAME), name);
    say(`begin ${name}`);
    await scenarios[name]();
    say(`end ${name}`);
  } catch (error) {
    say(`failed ${name}: ${error}`);
  }
  await stop();
}
say(ALL_DONE);
