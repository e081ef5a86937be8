/** Hands the application's services to the GATT server. */
import type { Attribute, ServiceDefinition } from "../ble/gatt/server/database.ts";
import type { Host } from "../ble/host.ts";
import type { Core } from "./core.ts";
import { type Characteristic, type Descriptor, Service } from "./server.ts";

/** The services that are registered now. */
export class RegisteredServices {
  private readonly core: Core;
  private readonly gatt: Host["gatt"];
  private services: readonly Service[] = [];
  /** Those that are being registered. */
  private adopting: readonly Service[] = [];

  constructor(core: Core) {
    this.core = core;
    this.gatt = core.host.gatt;
  }

  /** See `aioble.registerServices`. */
  registerServices(...services: Service[]): void {
    for (const service of services) {
      if (!(service instanceof Service)) throw new TypeError("registerServices takes Service objects");
    }
    if (new Set(services).size < services.length)
      throw new TypeError("registerServices: a service is there twice");
    const definitions = new Map<Service, ServiceDefinition | undefined>();
    const define = (service: Service): ServiceDefinition => {
      const known = definitions.get(service);
      if (known) return known;
      // Vol 3, Part G, 3.1: includes of includes may lead nowhere twice.
      if (definitions.has(service)) throw new TypeError("registerServices: a service includes itself");
      definitions.set(service, undefined);
      const definition = {
        uuid: service.uuid,
        secondary: service.secondary,
        includes: service.includes.map(define),
        characteristics: service.characteristics.map((characteristic) =>
          characteristic.definition(this.core),
        ),
      };
      definitions.set(service, definition);
      return definition;
    };
    this.adopting = services;
    this.gatt.register(services.map(define), this);
  }

  /** For the server: the services are there. */
  onRegistered(attributes: Attribute[][]): void {
    const services = this.adopting;
    const gone = new Set(itemsOf(this.services));
    for (const [index, service] of services.entries()) {
      for (const [at, characteristic] of service.characteristics.entries()) {
        const attribute = attributes[index]![at]!;
        characteristic.register(this.core, attribute);
        gone.delete(characteristic);
        for (const [which, descriptor] of characteristic.descriptors.entries()) {
          descriptor.register(this.core, attribute.descriptors[which]!);
          gone.delete(descriptor);
        }
      }
    }
    for (const item of gone) item.unregister();
    for (const service of this.services) service.core = undefined;
    for (const service of services) service.core = this.core;
    this.services = services;
  }

  /** For the server: the low-level module has registered others. */
  onReplaced(): void {
    for (const item of itemsOf(this.services)) item.unregister();
    for (const service of this.services) service.core = undefined;
    this.services = [];
  }
}

type Item = Characteristic<boolean> | Descriptor;

function itemsOf(services: readonly Service[]): Item[] {
  return services.flatMap((service) =>
    service.characteristics.flatMap((characteristic): Item[] => [
      characteristic,
      ...characteristic.descriptors,
    ]),
  );
}
