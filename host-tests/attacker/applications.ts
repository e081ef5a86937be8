/** Applications of the documents, as they stand there. */
import { runnableBlocks } from "../docs/blocks.ts";

/** @throws Error when no document has an application of this name. */
function documented(name: string): string {
  const block = runnableBlocks().find((candidate) => candidate.name === name);
  if (block === undefined) throw new Error(`no document has an application called ${name}`);
  return block.code;
}

/** README.md: one phone at a time is sent the temperature every second. */
export const sensor = documented("sensor");

/** docs/application.md, "Several clients": as many as there is room for, and nothing to read. */
export const several = documented("several");

/** What stands below "Several clients", with a characteristic that clients read and write. */
export const guests = `
import { BufferedCharacteristic, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
new Characteristic(service, new UUID(0xff01), { read: true, write: true, initial: new Uint8Array([42]) });
registerServices(service);
${several}`;
