/** PHY, data length and signal strength of links, beside their parameters (Vol 4, Part E, 7.5.4, 7.8.33, 7.8.47 to 7.8.49). */
import { BleError, HciError } from "../errors.ts";
import { leReadPhy, leSetDataLength, leSetPhy } from "../hci/commands/le-link.ts";
import { readRssi } from "../hci/commands/status-parameters.ts";
import { leDataLengthChange, lePhyUpdateComplete } from "../hci/le-events.ts";
import type { AnyCommand } from "../hci/packet.ts";
import { supports } from "../hci/startup.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import type { Connection } from "./connection.ts";
import { alreadyUpdating, ParameterUpdates, type ParameterUpdatesPort } from "./parameter-updates.ts";

/** Kinds of modulation, as events number them (7.7.65.12); in commands bit N - 1 stands for number N. */
export const PHY = { LE_1M: 1, LE_2M: 2, LE_CODED: 3 } as const;

/** The PHYs of both directions, by number. */
export interface Phys {
  readonly tx: number;
  readonly rx: number;
}

/** RSSI that means that there is none (7.5.4). */
const NO_RSSI = 127;

/** Who waits for the PHYs. */
interface PhyWait {
  resolve(phys: Phys): void;
  reject(error: unknown): void;
}

export class LinkControl {
  readonly parameters: ParameterUpdates;
  private readonly port: ParameterUpdatesPort;
  private readonly phyWaits = new Map<Connection, PhyWait>();

  constructor(port: ParameterUpdatesPort) {
    this.port = port;
    this.parameters = new ParameterUpdates(port);
    const { connections, hci } = port;
    hci.on(leDataLengthChange, ({ connectionHandle, maxTxOctets, maxTxTime, maxRxOctets, maxRxTime }) => {
      const connection = connections.get(connectionHandle);
      if (!connection) return;
      connection.dataLength = {
        txOctets: maxTxOctets,
        txTimeUs: maxTxTime,
        rxOctets: maxRxOctets,
        rxTimeUs: maxRxTime,
      };
    });
    hci.on(lePhyUpdateComplete, ({ status, connectionHandle, txPhy, rxPhy }) => {
      const connection = connections.get(connectionHandle);
      const wait = connection && this.phyWaits.get(connection);
      if (!wait) return;
      this.phyWaits.delete(connection);
      if (status === HCI_STATUS.SUCCESS) return wait.resolve({ tx: txPhy, rx: rxPhy });
      const message = `The link keeps its PHYs: ${statusText(status)}.`;
      wait.reject(new HciError("controller-refused", message, status));
    });
  }

  connected(connection: Connection): void {
    this.parameters.connected(connection);
  }

  disconnected(connection: Connection): void {
    this.parameters.disconnected(connection);
    this.phyWaits.delete(connection);
  }

  /** Strength in dBm at which the peer's packets arrive; undefined where the controller cannot tell. */
  async readRssi({ handle }: Connection): Promise<number | undefined> {
    this.demand(readRssi);
    const { rssi } = await this.port.hci.send(readRssi, { connectionHandle: handle });
    return rssi === NO_RSSI ? undefined : rssi;
  }

  /** The PHYs that the link has. */
  async readPhy({ handle }: Connection): Promise<Phys> {
    this.demand(leReadPhy);
    const { txPhy, rxPhy } = await this.port.hci.send(leReadPhy, { connectionHandle: handle });
    return { tx: txPhy, rx: rxPhy };
  }

  /**
   * Wishes for PHYs: bit masks, 0 for no preference. Resolves with those that the link layers agreed on.
   * @param options PHY_Options (Vol 4, Part E, 7.8.49): of what this side sends coded, 0 any, 1 S=2, 2 S=8.
   * @throws BleError `already-updating` while a change of this link's PHYs is not over.
   */
  setPhy(connection: Connection, tx: number, rx: number, options: number): Promise<Phys> {
    this.demand(leSetPhy);
    if (this.phyWaits.has(connection)) throw alreadyUpdating("PHYs");
    return new Promise((resolve, reject) => {
      const wait = { resolve, reject };
      this.phyWaits.set(connection, wait);
      const values = {
        connectionHandle: connection.handle,
        allPhys: (tx === 0 ? 1 : 0) | (rx === 0 ? 2 : 0),
        txPhys: tx,
        rxPhys: rx,
        phyOptions: options,
      };
      this.port.hci.send(leSetPhy, values).catch((error: unknown) => {
        if (this.phyWaits.get(connection) === wait) this.phyWaits.delete(connection);
        reject(error);
      });
    });
  }

  /** Wishes for longer or shorter packets; what is agreed is reported later, and stands in `Connection.dataLength`. */
  async setDataLength({ handle }: Connection, txOctets: number, txTimeUs: number): Promise<void> {
    this.demand(leSetDataLength);
    await this.port.hci.send(leSetDataLength, { connectionHandle: handle, txOctets, txTime: txTimeUs });
  }

  /** @throws BleError `not-supported` when the controller says that it does not have the command. */
  private demand(command: AnyCommand): void {
    const { controller } = this.port;
    if (!controller || supports(controller.supportedCommands, command)) return;
    throw new BleError("not-supported", `This Bluetooth controller does not have ${command.name}.`);
  }
}
