/** Sends the temperature to any phone nearby, once a second (Environmental Sensing Service). */
import { advertise, Characteristic, Descriptor, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { readTemperature } from "camera";

const service = new Service(new UUID(0x181a));
const temperature = new Characteristic(service, new UUID(0x2a6e), { read: true, notify: true });
// ES Trigger Setting, which this service asks for: notified at a fixed interval (1) of 1 s.
new Descriptor(temperature, new UUID(0x290d), { read: true, initial: new Uint8Array([1, 1, 0, 0]) });
registerServices(service);

/** Hundredths of a degree Celsius, little-endian. */
function encode(celsius: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setInt16(0, Math.round(celsius * 100), true);
  return bytes;
}

for (;;) {
  await using connection = await advertise({
    intervalUs: 250_000,
    name: "my-camera",
    services: [service.uuid],
  });
  console.log(`connected: ${connection.device.addrHex()}`);
  while (connection.isConnected()) {
    temperature.write(encode(readTemperature()), { sendUpdate: true });
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  console.log("disconnected");
}
