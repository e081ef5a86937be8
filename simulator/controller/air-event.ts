/** What a controller does on the air, for who counts it. */
export type AirEvent =
  /** One advertising event, on all its channels. */
  | { readonly kind: "advertising"; readonly isConnectable: boolean }
  /** One connection event in which this side took part, and the bytes of payload that went to and fro. */
  | { readonly kind: "connection"; readonly bytes: number }
  /** From now on the receiver is open for this share of the time; 0 for none. */
  | { readonly kind: "scanning"; readonly share: number };
