/** Pairing and encryption of both public modules. */
import type { Core } from "../aioble/core.ts";
import { Pairing, Security } from "../aioble/security.ts";
import { BondedLinks } from "../ble/bonded-links.ts";
import { Encryption, PAIRING_SETTINGS } from "../ble/encryption.ts";
import { findResolvingKey } from "../ble/gap/address.ts";
import { BondedFilter } from "../ble/gap/bonded-filter.ts";
import { ResolvableAddress, RPA_TIMEOUT_SETTING } from "../ble/gap/resolvable-address.ts";
import { ResolvingList } from "../ble/gap/resolving-list.ts";
import { Bonds, MAX_BONDS_SETTING } from "../ble/smp/bonds.ts";
import { PairingError } from "../ble/smp/failure.ts";
import type { Records } from "../platform/platform.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    const { acl, hci, identities, log, platform, records, settings } = host;
    const { clock, crypto } = platform;
    const random = (length: number): Uint8Array => platform.random(length);
    host.settingTable.declare(...PAIRING_SETTINGS, MAX_BONDS_SETTING, RPA_TIMEOUT_SETTING);
    const store = (): Records => (settings.secretStore === "irq" && host.secrets ? host.secrets : records);
    const bonds = new Bonds({
      records: {
        get: (key) => store().get(key),
        set: (key, value) => store().set(key, value),
        delete: (key) => store().delete(key),
        keys: () => store().keys(),
      },
      clock,
      settings,
      random,
      log,
      findResolvingKey: (address, irks) => findResolvingKey(address, irks, crypto.aes128),
      ownIdentity: () => identities.own,
      onChanged() {
        resolving.update();
        host.scanner?.refresh();
        host.advertiser.refresh();
        host.encryption?.bondsChanged();
      },
    });
    host.bonds = bonds;
    let { minKeySize, secretStore, secureOnly } = settings;
    host.observe({
      onConfigured() {
        resolving.update();
        if (settings.minKeySize !== minKeySize || settings.secureOnly !== secureOnly) {
          ({ minKeySize, secureOnly } = settings);
          host.encryption?.demandsChanged();
        }
        if (settings.secretStore === secretStore) return;
        secretStore = settings.secretStore;
        host.secrets?.forget();
        bonds.reload();
      },
    });
    const bondedLinks = new BondedLinks({ bonds, gatt: host.gatt });
    host.observe({ onDisconnected: (connection) => bondedLinks.ended(connection) });
    const { aes128 } = crypto;
    const key = (): Uint8Array => bonds.ownIrk();
    const isKnown = (): boolean => bonds.size > 0;
    const resolvable = identities.resolveBy(
      (air) => new ResolvableAddress({ clock, aes128, settings, random, log, key, isKnown }, air),
    );
    const resolving = identities.resolveWith(
      (air) =>
        new ResolvingList(
          {
            ...{ hci, log, settings },
            controller: () => host.controller,
            peers: () => bonds.privatePeers(),
            ownIrk: () => bonds.ownIrk(),
            identityOf: (device) => identities.identityOf(device),
          },
          air,
        ),
    );
    host.join(resolving);
    host.advertiser.filter = new BondedFilter({
      ...host.port,
      bonded: () => bonds.identities(),
      isBonded: ({ addressType, address }) => bonds.get(addressType & 1, address) !== undefined,
      scanner: () => host.scanner,
    });
    host.encryption = new Encryption({
      acl,
      hci,
      log,
      settings,
      random,
      clock,
      crypto,
      bonds,
      ownIdentity: () => identities.own,
      connectionOf: (handle) => host.connections.get(handle),
      disconnect: (connection, reason) => host.disconnect(connection, reason),
      onSecurity(connection, status, isPairing) {
        bondedLinks.secured(connection, status);
        if (connection.isConnected) connection.server.noteActivity();
        host.report("onSecurity", connection, status, isPairing);
      },
      onBondLost: (connection) => bondedLinks.lost(connection),
      onRefused: () => resolvable.renew(),
    });
  },
  aioble(core: Core) {
    const encryption = core.host.encryption!;
    const pairing = new Pairing(core, encryption);
    core.pairing = pairing;
    return { PairingError, security: new Security(core, pairing, encryption) };
  },
} satisfies Feature;
