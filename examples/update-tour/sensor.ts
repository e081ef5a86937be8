/** What all versions do: advertise, and say which version they are. */
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { isTrial } from "update";

/** Device Information, and Software Revision String. */
const DEVICE_INFORMATION = new UUID(0x180a);
const SOFTWARE_REVISION = new UUID(0x2a28);

/** Serves whoever connects, for as long as the camera runs. */
export async function serve(version: string): Promise<never> {
  const service = new Service(DEVICE_INFORMATION);
  new Characteristic(service, SOFTWARE_REVISION, { read: true, initial: version });
  registerServices(service);
  console.log(`version ${version} runs${isTrial() ? ", on trial" : ""}`);
  for (;;) {
    await using connection = await advertise({ intervalUs: 100_000, name: "update-tour" });
    await connection.disconnected();
  }
}
