/** The GATT client of `aioble`: services, characteristics and descriptors of peers. */
import { Client } from "../aioble/client.ts";
import { ClientCharacteristic, ClientDescriptor } from "../aioble/client-characteristic.ts";
import { ClientService } from "../aioble/client-service.ts";
import type { Core } from "../aioble/core.ts";
import { GattClients } from "../ble/gatt/client/clients.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    host.clients = new GattClients();
  },
  aioble(core: Core) {
    core.client = new Client(core);
    return { ClientCharacteristic, ClientDescriptor, ClientService };
  },
} satisfies Feature;
