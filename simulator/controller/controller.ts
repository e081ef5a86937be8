/**
 * A simulated Bluetooth LE controller: takes HCI packets from a host, answers as a real one does, and takes part in the
 * air. What it does wrong is set in `faults`; what the host does wrong is noted in `violations`.
 */
import { type Fields, type Values, viewOf, Writer } from "../../firmware/ble/codec.ts";
import {
  commandComplete,
  commandStatus,
  dataBufferOverflow,
  disconnectionComplete,
  hardwareError,
  numberOfCompletedPackets,
} from "../../firmware/ble/hci/events.ts";
import { leConnectionComplete, leEnhancedConnectionComplete } from "../../firmware/ble/hci/le-events.ts";
import { H4_ACL, H4_COMMAND, type HciEvent, LE_META } from "../../firmware/ble/hci/packet.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Clock } from "../../firmware/platform/platform.ts";
import {
  type Advertisement,
  type Air,
  type ConnectRequest,
  type Identity,
  type Radio,
  sameIdentity,
} from "../link.ts";
import { AcceptList } from "./accept-list.ts";
import { Advertiser } from "./advertiser.ts";
import type { AirEvent } from "./air-event.ts";
import { registerBasicCommands } from "./basic-commands.ts";
import { CommandPort } from "./command-port.ts";
import { CommandTable } from "./command-table.ts";
import { ConnectionEvents } from "./connection-events.ts";
import { eventPacket } from "./event-packet.ts";
import { Initiator } from "./initiator.ts";
import { registerLinkCommands } from "./link-commands.ts";
import { LinkEnd, type LinkOwner } from "./link-end.ts";
import { type ControllerOptions, DEFAULT_OPTIONS, type Faults, LE_FEATURE, noFaults } from "./options.ts";
import { MIN_DATA_OCTETS, ROLE, type Timing } from "./pdu.ts";
import { dataTimeUs } from "./procedures.ts";
import { ResolvingList } from "./resolving-list.ts";
import { Scanner } from "./scanner.ts";
import type { Activities } from "./states.ts";

/** Masks after reset (Vol 4, Part E, 7.3.1 and 7.8.1): LE Meta events are off until the host asks for them. */
const DEFAULT_EVENT_MASK = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x00, 0x00]);
const DEFAULT_LE_EVENT_MASK = new Uint8Array([0x1f, 0, 0, 0, 0, 0, 0, 0]);
/** Events that no mask holds back (7.3.1). */
const UNMASKED: readonly number[] = [commandComplete.code, commandStatus.code, numberOfCompletedPackets.code];
const FIRST_HANDLE = 0x0040;
/** Packet_Boundary_Flag (Vol 4, Part E, 5.4.2). */
const BOUNDARY = { FIRST_TO_CONTROLLER: 0, CONTINUING: 1, FIRST_TO_HOST: 2 } as const;
/** Accuracy of the central's clock: 500 ppm (7.7.65.1). */
const CLOCK_ACCURACY = 0x00;
/** In place of a private address that is not used (7.7.65.10). */
const NO_ADDRESS = new Uint8Array(6);

export class Controller implements LinkOwner {
  readonly clock: Clock;
  readonly air: Air;
  readonly options: ControllerOptions;
  /** In printed order: the options', unless a vendor's command has written another. */
  publicAddress: Uint8Array;
  faults: Faults = noFaults();
  readonly acceptList: AcceptList;
  readonly resolvingList: ResolvingList;
  readonly links = new Map<number, LinkEnd>();
  /** What the host did that no host may do, a sentence each. */
  readonly violations: string[] = [];
  /** Opcodes of the commands that came, in order. */
  readonly commands: number[] = [];
  eventMask: Uint8Array = DEFAULT_EVENT_MASK;
  leEventMask: Uint8Array = DEFAULT_LE_EVENT_MASK;
  randomAddress: Uint8Array | undefined = undefined;
  suggestedTxOctets = MIN_DATA_OCTETS;
  suggestedTxTimeUs = dataTimeUs(MIN_DATA_OCTETS);
  /** Takes each packet for the host, H4 indicator first; may be called inside `receive`. */
  onPacket: (packet: Uint8Array) => void = () => {};
  /**
   * Whether the line to the host has room, as RTS says. While it has none, the data of peers is not acknowledged, so that
   * they keep it (Vol 6, Part B, 4.5.9), and advertising reports are lost.
   */
  hostTakes: () => boolean = () => true;
  /** Called with what costs the controller power on the air. */
  onAir: (event: AirEvent) => void = () => {};
  private readonly commandPort: CommandPort;
  private readonly advertiser: Advertiser;
  private readonly scanner: Scanner;
  private readonly initiator: Initiator;
  private aclHeld = 0;
  private dead = false;

  constructor(air: Air, options: Partial<ControllerOptions> = {}) {
    this.air = air;
    this.clock = air.clock;
    this.options = { ...DEFAULT_OPTIONS, ...options };
    this.publicAddress = this.options.publicAddress;
    this.acceptList = new AcceptList(this.options.acceptListSize);
    this.resolvingList = new ResolvingList(this);
    this.advertiser = new Advertiser(this);
    this.scanner = new Scanner(this);
    this.initiator = new Initiator(this);
    const table = new CommandTable();
    this.commandPort = new CommandPort(this, table);
    registerBasicCommands(table, this);
    registerLinkCommands(table, this);
    for (const role of [this.advertiser, this.scanner, this.initiator]) role.register(table);
    if (this.has(LE_FEATURE.LL_PRIVACY)) this.resolvingList.register(table);
    air.join(this);
  }

  /** Takes one packet from the host, H4 indicator first. */
  receive(packet: Uint8Array): void {
    if (this.dead) return;
    const view = viewOf(packet);
    if (packet[0] === H4_COMMAND && packet.length >= 4 && packet[3] === packet.length - 4) {
      this.commandPort.receive(view.getUint16(1, true), view);
    } else if (packet[0] === H4_ACL && packet.length >= 5 && view.getUint16(3, true) === packet.length - 5) {
      this.receiveAcl(view, packet);
    } else {
      this.violations.push(`a malformed packet of ${packet.length} bytes with indicator ${packet[0]}`);
    }
  }

  private receiveAcl(view: DataView, packet: Uint8Array): void {
    const handle = view.getUint16(1, true) & 0x0fff;
    const boundary = (packet[2]! >> 4) & 3;
    const end = this.links.get(handle);
    if (!end) return; // Its link ended while the packet was on its way.
    if (packet.length - 5 > this.options.aclPacketLength) {
      this.violations.push(`ACL data of ${packet.length - 5} bytes, longer than a buffer`);
    }
    if (boundary !== BOUNDARY.FIRST_TO_CONTROLLER && boundary !== BOUNDARY.CONTINUING) {
      this.violations.push(`ACL data with boundary flag ${boundary}`);
    }
    if (this.aclHeld >= this.options.aclPackets) {
      this.violations.push("ACL data without a credit");
      this.emit(dataBufferOverflow, { linkType: 1 });
      return;
    }
    this.aclHeld++;
    end.queue(boundary !== BOUNDARY.CONTINUING, packet.slice(5));
  }

  supportedCommands(): Uint8Array {
    return this.commandPort.table.supportedCommands(this.options.unsupported);
  }

  has(feature: number): boolean {
    return this.options.features.includes(feature);
  }

  /** Calls `work` after the answer to the command that runs. */
  later(work: () => void): void {
    this.clock.setTimer(work, 0);
  }

  emit<F extends Fields>(event: HciEvent<F>, values: Values<F>): boolean {
    if (this.dead || !this.wanted(event.code)) return false;
    if (this.faults.lose.includes(event.code)) return true;
    const packet = eventPacket(event, values);
    this.deliver(packet);
    if (this.faults.duplicate.includes(event.code)) this.deliver(packet.slice());
    return true;
  }

  private wanted(code: number): boolean {
    if (UNMASKED.includes(code)) return true;
    if (code < 0x100) return bit(this.eventMask, code - 1);
    return bit(this.eventMask, LE_META - 1) && bit(this.leEventMask, (code & 0xff) - 1);
  }

  emitAcl(handle: number, first: boolean, bytes: Uint8Array): void {
    const boundary = first ? BOUNDARY.FIRST_TO_HOST : BOUNDARY.CONTINUING;
    const writer = new Writer(5 + bytes.length);
    writer.u8(H4_ACL);
    writer.u16(handle | (boundary << 12));
    writer.u16(bytes.length);
    writer.bytes(bytes);
    this.deliver(writer.finish());
  }

  completed(end: LinkEnd, count: number): void {
    this.aclHeld -= count;
    const { withholdCompleted, completedHandle, completedExtra } = this.faults;
    if (withholdCompleted) return;
    const writer = new Writer(4);
    writer.u16(completedHandle ?? end.handle);
    writer.u16(count + completedExtra);
    this.emit(numberOfCompletedPackets, { numHandles: 1, handlesAndCounts: writer.finish() });
  }

  ended(end: LinkEnd, reason: number): void {
    this.links.delete(end.handle);
    this.aclHeld -= end.held;
    this.emit(disconnectionComplete, { status: HCI_STATUS.SUCCESS, connectionHandle: end.handle, reason });
  }

  /** Sends raw bytes to the host, whatever they are. */
  deliver(packet: Uint8Array): void {
    if (!this.dead) this.onPacket(packet);
  }

  /** Reports a hardware error (Vol 4, Part E, 7.7.16). */
  reportHardwareError(hardwareCode: number): void {
    this.emit(hardwareError, { hardwareCode });
  }

  /** Falls silent in the middle of everything, as without power: towards the host and in the air. */
  die(): void {
    this.reset();
    this.air.leave(this);
    this.dead = true;
  }

  /** Power is back after `die`: a controller as after Reset. */
  revive(): void {
    this.dead = false;
    this.commandPort.restore();
    this.air.join(this);
  }

  /** The state after Reset (Vol 4, Part E, 7.3.2). Links are dropped without a word to either side. */
  reset(): void {
    for (const end of this.links.values()) end.drop();
    this.links.clear();
    this.aclHeld = 0;
    this.advertiser.reset();
    this.scanner.reset();
    this.initiator.reset();
    this.acceptList.clear();
    this.resolvingList.reset();
    this.eventMask = DEFAULT_EVENT_MASK;
    this.leEventMask = DEFAULT_LE_EVENT_MASK;
    this.randomAddress = undefined;
    this.suggestedTxOctets = MIN_DATA_OCTETS;
    this.suggestedTxTimeUs = dataTimeUs(MIN_DATA_OCTETS);
  }

  /** The highest Own_Address_Type. */
  get ownAddressTypeMax(): number {
    return this.has(LE_FEATURE.LL_PRIVACY) ? 3 : 1;
  }

  /**
   * This device on the air under an Own_Address_Type, towards a peer that is known by its identity; undefined when it has no
   * random address yet.
   */
  ownIdentity(type: number, peer?: Identity): Identity | undefined {
    const made = type >= 2 && peer ? this.resolvingList.localFor(peer) : undefined;
    if (made) return made;
    if ((type & 1) === 0) return { type: 0, address: this.publicAddress };
    return this.randomAddress && { type: 1, address: this.randomAddress };
  }

  /** Whether a directed packet to this address is for this device. */
  isOwn(identity: Identity): boolean {
    const own = this.ownIdentity(identity.type);
    return (own !== undefined && sameIdentity(own, identity)) || this.resolvingList.isLocal(identity);
  }

  get acceptListInUse(): boolean {
    return this.advertiser.usesAcceptList || this.scanner.usesAcceptList || this.initiator.usesAcceptList;
  }

  get randomAddressInUse(): boolean {
    return (
      this.advertiser.usesRandomAddress || this.scanner.usesRandomAddress || this.initiator.usesRandomAddress
    );
  }

  /** What it is at. */
  get activities(): Activities {
    const { advertiser, initiator, scanner } = this;
    return { advertising: advertiser.type, scanning: scanner.type, initiating: initiator.isLooking };
  }

  get hasRoomForLink(): boolean {
    return this.links.size < this.options.maxConnections;
  }

  hear(advertisement: Advertisement, sender: Radio): void {
    if (this.hostTakes()) this.scanner.hear(advertisement, sender);
    this.initiator.hear(advertisement, sender);
  }

  /** As the initiator: the central's end of a new link. */
  openLink(timing: Timing, own: Identity, peer: Identity): ConnectionEvents {
    const events = new ConnectionEvents(this.air, timing);
    events.central = this.addLink(ROLE.CENTRAL, own, peer, events);
    return events;
  }

  /** As the advertiser: the peripheral's end. */
  joinLink({ initiator, events }: ConnectRequest, own: Identity): void {
    events.peripheral = this.addLink(ROLE.PERIPHERAL, own, initiator, events);
  }

  private addLink(role: number, own: Identity, peer: Identity, events: ConnectionEvents): LinkEnd {
    let handle = FIRST_HANDLE;
    while (this.links.has(handle)) handle++;
    const end = new LinkEnd(this, handle, role, peer, events);
    this.links.set(handle, end);
    this.reportConnection(HCI_STATUS.SUCCESS, handle, role, peer, events.timing, own);
    end.procedures.connected();
    return end;
  }

  /** An attempt to connect came to nothing. */
  connectionFailed(
    role: number,
    status: number,
    peer: Identity = { type: 0, address: new Uint8Array(6) },
  ): void {
    this.reportConnection(status, 0, role, peer, { interval: 0, latency: 0, timeout: 0 });
  }

  private reportConnection(
    status: number,
    handle: number,
    role: number,
    peer: Identity,
    timing: Timing,
    own?: Identity,
  ): void {
    const { connectionDelayMs } = this.faults;
    const common = {
      status,
      connectionHandle: handle,
      role,
      connectionInterval: timing.interval,
      peripheralLatency: timing.latency,
      supervisionTimeout: timing.timeout,
      centralClockAccuracy: CLOCK_ACCURACY,
    };
    const identity = this.resolvingList.resolve(peer);
    const isResolved = identity !== peer;
    const isMade = own !== undefined && own.address !== this.randomAddress && own.type === 1;
    const report = (): void => {
      if (!this.has(LE_FEATURE.LL_PRIVACY) || !this.wanted(leEnhancedConnectionComplete.code)) {
        this.emit(leConnectionComplete, {
          ...common,
          peerAddressType: identity.type,
          peerAddress: identity.address,
        });
        return;
      }
      this.emit(leEnhancedConnectionComplete, {
        ...common,
        peerAddressType: identity.type + (isResolved ? 2 : 0),
        peerAddress: identity.address,
        localResolvablePrivateAddress: isMade ? own.address : NO_ADDRESS,
        peerResolvablePrivateAddress: isResolved ? peer.address : NO_ADDRESS,
      });
    };
    if (connectionDelayMs === 0) report();
    else this.clock.setTimer(report, connectionDelayMs);
  }
}

function bit(mask: Uint8Array, index: number): boolean {
  return (((mask[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
