/** Advertising for one connection after the other. */
import type { AdvertiseOptions } from "./advertising.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device.ts";
import type { Peripheral } from "./peripheral.ts";
import { Stream } from "./stream.ts";

/** Why a stream ended its own advertisement. */
const LEFT = new Error("the stream of connections was left");

/**
 * Advertises, yields the connection, and advertises again, as long as the stream is not left and there is room for
 * another link. It waits while a connection that it found has not been taken. Connections that are not taken when the
 * stream is left are disconnected.
 */
export function streamConnections(
  core: Core,
  peripheral: Peripheral,
  options: Omit<AdvertiseOptions, "timeoutMs">,
): Stream<DeviceConnection> {
  const { host } = core;
  const aborter = core.createAborter();
  let resume: (() => void) | undefined;
  const wake = (): void => resume?.();
  const unobserve = host.observe({ onDisconnected: wake, onStopping: () => void stream.return() });
  const onAbort = (): void => aborter.abort(options.signal!.reason);
  const stream = new Stream<DeviceConnection>({
    onTaken: wake,
    onEnd: (left) => {
      unobserve();
      options.signal?.removeEventListener("abort", onAbort);
      aborter.abort(LEFT);
      wake();
      for (const connection of left) {
        connection.disconnect().catch((error: unknown) => host.platform.log("warning", `aioble: ${error}`));
      }
    },
  });
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort);

  const hasRoom = (): boolean => stream.size === 0 && host.connections.size < host.maxConnections;
  const pump = async (): Promise<void> => {
    while (!stream.isEnded) {
      if (hasRoom()) {
        const connection = await peripheral.advertise({ ...options, signal: aborter.signal });
        if (stream.isEnded) await connection.disconnect();
        else stream.push(connection);
      } else {
        await new Promise<void>((resolve) => {
          resume = resolve;
          if (stream.isEnded || hasRoom()) resolve();
        });
      }
    }
  };
  pump().catch((error: unknown) => {
    if (error !== LEFT) stream.end({ error });
  });
  return stream;
}
