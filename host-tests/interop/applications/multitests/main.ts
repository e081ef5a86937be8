/**
 * The camera's side of multitests, one after the other: a client connects to the selector, names a scenario, and is
 * disconnected; the scenario runs; the selector is there again.
 */
import { advertise, BufferedCharacteristic, registerServices, Service, stop } from "aioble";
import { UUID } from "bluetooth";
import { aiobleScenarios } from "./aioble.ts";
import { scenariosBetweenCameras } from "./between-cameras.ts";
import { bluetoothScenarios } from "./bluetooth.ts";
import { type Scenario, say, text } from "./kit.ts";
import { INTERVAL_US, SELECT, SELECTOR_NAME, SELECTOR_SERVICE } from "./names.ts";

const scenarios: Readonly<Record<string, Scenario>> = {
  ...aiobleScenarios,
  ...bluetoothScenarios,
  ...scenariosBetweenCameras,
};

const selector = new Service(new UUID(SELECTOR_SERVICE));
const select = new BufferedCharacteristic(selector, new UUID(SELECT), { write: true, maxLen: 64 });

async function selected(): Promise<string> {
  registerServices(selector);
  select.write("");
  await using connection = await advertise({ intervalUs: INTERVAL_US, name: SELECTOR_NAME });
  await Promise.race([select.written(), connection.disconnected()]);
  return text(select.read());
}

for (;;) {
  const name = await selected();
  const scenario = scenarios[name];
  if (!scenario) continue;
  try {
    say(`begin ${name}`);
    await scenario();
    say(`end ${name}`);
  } catch (error) {
    say(`failed ${name}: ${error}`);
  }
  await stop();
}
