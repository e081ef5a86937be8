/** Advertising for one connection after the other. */
import { HciError } from "../ble/errors.ts";
import type { AdvertiseOptions } from "./advertising.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { endUnwanted, type Peripheral } from "./peripheral.ts";
import { Stream } from "./stream.ts";

/** Why a stream ended its own advertisement. */
const LEFT = new Error("the stream of connections was left");

/** Refusals of a controller that are over when a link ends. */
const BUSY: readonly string[] = ["advertising-while-connected", "too-many-connections"];

/**
 * Advertises, yields the connection, and advertises again, as long as the stream is not left and there is room for
 * another link: of the host, or of a controller that has less, or that cannot advertise beside a link at all. It waits
 * while a connection that it found has not been taken; one that ends before is not yielded. Connections that are not
 * taken when the stream is left are disconnected.
 * @throws TypeError or RangeError for the first option that is wrong.
 */
export function streamConnections(
  core: Core,
  peripheral: Peripheral,
  options: Omit<AdvertiseOptions, "timeoutMs">,
): Stream<DeviceConnection> {
  peripheral.prepare(options);
  const { host } = core;
  const aborter = new core.signals.AbortController();
  /** Links that have ended. */
  let ends = 0;
  /** The controller refused, and no link has ended since. */
  let busy = false;
  let resume: (() => void) | undefined;
  let pumping: Promise<void> = Promise.resolve();
  const wake = (): void => resume?.();
  const unobserve = host.observe({
    onDisconnected() {
      ends++;
      busy = false;
      stream.discard((connection) => !connection.isConnected());
      wake();
    },
    onStopping: () => void stream.return(),
  });
  const onAbort = (): void => stream.end({ error: options.signal!.reason });
  const stream = new Stream<DeviceConnection>({
    onTaken: wake,
    onEnd() {
      unobserve();
      options.signal?.removeEventListener("abort", onAbort);
      aborter.abort(LEFT);
      wake();
      return pumping;
    },
    onLeft(connections) {
      for (const { link } of connections) endUnwanted(core, link);
    },
  });
  const hasRoom = (): boolean => !busy && stream.size === 0 && host.connections.size < host.maxConnections;

  const advertise = async (): Promise<void> => {
    const before = ends;
    try {
      const connection = await peripheral.advertise({ ...options, signal: aborter.signal }, true);
      if (stream.isEnded) endUnwanted(core, connection.link);
      else if (connection.isConnected()) stream.push(connection);
    } catch (error) {
      if (!(error instanceof HciError) || !BUSY.includes(error.code)) throw error;
      peripheral.logOnce("warning", `connections() goes on when a device leaves. ${error.message}`);
      busy = ends === before;
    }
  };
  const pump = async (): Promise<void> => {
    while (!stream.isEnded) {
      if (hasRoom()) {
        await advertise();
      } else {
        if (stream.size > 0)
          peripheral.logOnce("debug", "connections() waits until its latest connection is taken");
        else if (!busy)
          peripheral.logOnce("info", "no room for another device: connections() goes on when one leaves");
        await new Promise<void>((resolve) => {
          resume = resolve;
        });
      }
    }
  };
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort);
  pumping = pump().catch((error: unknown) => {
    if (error !== LEFT) stream.end({ error });
  });
  return stream;
}
