/** A host of ours that runs on Node, in real time, at a controller that is another's. */
import { Host } from "../../firmware/ble/host.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { Controller } from "../../simulator/controller/controller.ts";
import { createSimulatedPlatform } from "../../simulator/platform.ts";
import { root, venvProgram } from "../../tools/paths.ts";
import { createRealClock } from "../../tools/radio/real-clock.ts";
import { type AiobleCamera, MemoryRecords } from "../support/cameras.ts";
import { createWholeModules } from "../support/modules.ts";
import { RigProcess } from "./child-process.ts";
import { H4Transport } from "./h4.ts";

export type NodeSide = Pick<AiobleCamera, "aioble" | "host">;

/** Two controllers, and hosts of ours at them. */
export class NodeRig {
  /** Where the controllers are. */
  readonly hci: readonly string[];
  private readonly rig: RigProcess;
  private readonly clock = createRealClock();
  private readonly transports: H4Transport[] = [];

  private constructor(rig: RigProcess, hci: readonly string[]) {
    this.rig = rig;
    this.hci = hci;
  }

  /** @param kind whose controllers: "rootcanal" or "bumble". */
  static async start(kind: string): Promise<NodeRig> {
    const script = `${root}/tools/rig/controller.py`;
    const rig = new RigProcess("controller", venvProgram("python"), [script, "--kind", kind]);
    const ready = JSON.parse(await rig.line(/"ready"/)) as { controllers: { hci: string }[] };
    return new NodeRig(
      rig,
      ready.controllers.map(({ hci }) => hci),
    );
  }

  /** A host at the controller of this number. */
  async side(at: number): Promise<NodeSide> {
    const transport = await H4Transport.open(this.hci[at]!);
    this.transports.push(transport);
    // In place of a simulated controller.
    const line = {
      onPacket: (_: Uint8Array): void => {},
      receive: (packet: Uint8Array) => transport.write(Buffer.from(packet)),
    };
    transport.on("data", (packet: Buffer) => line.onPacket(new Uint8Array(packet)));
    const controller = line as unknown as Controller;
    const platform = createSimulatedPlatform({ clock: this.clock, controller, seed: at + 1 });
    const host = new Host(platform, new MemoryRecords());
    return { host, aioble: createWholeModules(host, createSignals(platform)).aioble };
  }

  async stop(): Promise<void> {
    this.clock.stop();
    for (const transport of this.transports) transport.close();
    await this.rig.stop();
  }
}
