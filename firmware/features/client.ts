/** The GATT client of `aioble`: services, characteristics and descriptors of peers. */
import { Client } from "../aioble/client.ts";
import { ClientCharacteristic, ClientDescriptor } from "../aioble/client-characteristic.ts";
import { ClientService } from "../aioble/client-service.ts";
import type { Core } from "../aioble/core.ts";
import { GATT_CACHE_SETTING } from "../ble/gatt/client/cache.ts";
import { GattClients } from "../ble/gatt/client/clients.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    host.settingTable.declare(GATT_CACHE_SETTING);
    const clients = new GattClients(host.settings);
    host.clients = clients;
    host.observe({ onConfigured: () => clients.trim() });
  },
  aioble(core: Core) {
    core.client = new Client(core);
    return { ClientCharacteristic, ClientDescriptor, ClientService };
  },
} satisfies Feature;
