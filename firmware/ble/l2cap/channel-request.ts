/** A peer's request for channels (Vol 3, Part A, 4.22 and 4.25), until it has been answered. */
import type { ChannelParameters } from "./channel-parameters.ts";
import { CHANNEL_RESULT } from "./channel-results.ts";
import type { CreditChannel } from "./credit-channel.ts";

/** What a request asks for. */
export interface RequestFields {
  readonly identifier: number;
  readonly isEnhanced: boolean;
  readonly spsm: number;
  /** What the peer takes. */
  readonly mtu: number;
  readonly mps: number;
  readonly credits: number;
  /** The peer's ends of the channels, one to five. */
  readonly cids: readonly number[];
}

/** Who answers requests. */
export interface RequestPort {
  /** Opens channels, one for each of `parameters` as far as there is room, and answers. */
  accept(
    request: ChannelRequest,
    count: number,
    parameters: ChannelParameters,
    isWanted: (cid: number) => boolean,
  ): CreditChannel[];
  refuse(request: ChannelRequest, result: number): void;
}

export class ChannelRequest implements RequestFields {
  readonly identifier: number;
  readonly isEnhanced: boolean;
  readonly spsm: number;
  readonly mtu: number;
  readonly mps: number;
  readonly credits: number;
  readonly cids: readonly number[];
  /** It was answered, or its link has ended. */
  isOver = false;
  private readonly port: RequestPort;

  constructor(port: RequestPort, fields: RequestFields) {
    this.port = port;
    this.identifier = fields.identifier;
    this.isEnhanced = fields.isEnhanced;
    this.spsm = fields.spsm;
    this.mtu = fields.mtu;
    this.mps = fields.mps;
    this.credits = fields.credits;
    this.cids = fields.cids;
  }

  /**
   * Opens up to `count` of the channels that were asked for; the peer hears that there are no resources for the others.
   * Returns those that were opened: none when the request is over, or when there is no memory.
   * @param isWanted has the last word about each, of which it gets this side's identifier.
   */
  accept(
    count: number,
    parameters: ChannelParameters,
    isWanted: (cid: number) => boolean = () => true,
  ): CreditChannel[] {
    return this.isOver ? [] : this.port.accept(this, count, parameters, isWanted);
  }

  /** Refuses all of them, unless the request is over. */
  refuse(result: number = CHANNEL_RESULT.SPSM_NOT_SUPPORTED): void {
    if (!this.isOver) this.port.refuse(this, result);
  }
}
