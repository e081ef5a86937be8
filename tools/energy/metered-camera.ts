/** A camera as a meter sees it while it is awake: its processor, its line to the chip, the chip and its flash. */
import type {
  Clock,
  FlashArea,
  HciReceiver,
  HciTransport,
  Platform,
  RadioLines,
} from "../../firmware/platform/platform.ts";
import type { EnergyMeter } from "../../simulator/energy/meter.ts";
import type { ChipCamera } from "../../simulator/world.ts";

const H4_ACL = 2;

/** What processor time is made of, in instructions: figures of the benchmark. */
export interface ProcessorFigures {
  /** From reset to the first Advertising Enable, without the check of the application's signature. */
  readonly bootToAdvertising: number;
  /** That check, which every start makes. */
  readonly verifyAtStart: number;
  /** A packet of data from the controller, with everything around it. */
  readonly writeCycle: number;
  /** One to it. */
  readonly notificationCycle: number;
  /** An event of the controller, and the command before it. */
  readonly write: number;
}

/** What it is made of. */
export interface MeteredCameraPort {
  readonly camera: ChipCamera;
  /** Of the world. */
  readonly clock: Clock;
  readonly meter: EnergyMeter;
  readonly processor: ProcessorFigures;
  /** Whether the board stops its clocks while the UART is stopped. */
  readonly lightSleep: boolean;
}

export class MeteredCamera {
  private readonly port: MeteredCameraPort;
  private radioState: "off" | "awake" | "asleep" = "off";
  private isSuspended = false;
  /** Whether the line to the controller is open. */
  private isOpen = false;
  /** Timers of the application that run: a sensor may be at work meanwhile, whose clocks stay on. */
  private readonly pauses = new Set<unknown>();
  /** Looks whether the chip has fallen asleep. */
  private look: unknown = undefined;

  constructor(port: MeteredCameraPort) {
    this.port = port;
  }

  /** The camera starts: its processor runs. */
  begin(): void {
    this.isSuspended = this.isOpen = false;
    this.pauses.clear();
    this.port.meter.setCpu("run");
  }

  /** What a start finds of the platform. Nothing of it reaches into the next one. */
  parts(life: { readonly isOver: boolean }): Pick<Platform, "flash" | "transport"> & {
    readonly radioLines: RadioLines;
  } {
    const { platform } = this.port.camera;
    return {
      transport: this.transport(life),
      radioLines: this.radioLines(),
      flash: (area) => this.flash(platform.flash(area)),
    };
  }

  /** The clock of the application's own timers. */
  watched(clock: Clock): Clock {
    const end = (timer: unknown): void => {
      this.pauses.delete(timer);
      this.wait();
    };
    return {
      now: () => clock.now(),
      setTimer: (callback, delayMs) => {
        const timer = clock.setTimer(() => {
          end(timer);
          callback();
        }, delayMs);
        this.pauses.add(timer);
        this.wait();
        return timer;
      },
      clearTimer: (timer) => {
        clock.clearTimer(timer);
        end(timer);
      },
    };
  }

  /** The line, with the work that its packets make. */
  private transport(life: { readonly isOver: boolean }): HciTransport {
    const { camera, meter, processor } = this.port;
    const { line } = camera;
    return {
      open: (receiver: HciReceiver) => {
        this.setOpen(true);
        line.open({
          onPacket: (packet) => {
            if (life.isOver) return;
            meter.work(packet.getUint8(0) === H4_ACL ? processor.writeCycle : processor.write);
            receiver.onPacket(packet);
          },
          onWritable: () => !life.isOver && receiver.onWritable(),
          onFailure: (reason) => !life.isOver && receiver.onFailure(reason),
        });
      },
      write(header, headerLength, payload, start, end) {
        if (header[0] === H4_ACL) meter.work(processor.notificationCycle);
        return line.write(header, headerLength, payload, start, end);
      },
      gather: (...rest) => line.gather(...rest),
      close: () => {
        line.close();
        this.setOpen(false);
      },
    };
  }

  private setOpen(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.wait();
  }

  private radioLines(): RadioLines {
    const { line } = this.port.camera;
    const { driver, downloadBaud, runBaud } = line;
    return {
      ...{ driver, downloadBaud, runBaud },
      power: (on) => {
        line.power(on);
        this.setRadio(on ? "awake" : "off");
      },
      wake: (awake) => {
        line.wake(awake);
        this.followChip();
      },
      isReady: () => line.isReady(),
      watchReady: (listener) => line.watchReady(listener),
      setBaudRate: (rate) => line.setBaudRate(rate),
      patch: () => line.patch(),
      hostWake: {
        isActive: () => line.hostWake!.isActive(),
        watch: (listener) =>
          line.hostWake!.watch(() => {
            this.followChip();
            listener();
          }),
        suspend: (isSuspended) => {
          const isDone = line.hostWake!.suspend(isSuspended);
          if (isDone) this.isSuspended = isSuspended;
          this.wait();
          return isDone;
        },
      },
    };
  }

  /** The chip's own idle time passes before it sleeps. */
  private followChip(): void {
    const { camera, clock } = this.port;
    const { chip } = camera;
    if (this.radioState === "off") return;
    this.setRadio(chip.isAsleep() ? "asleep" : "awake");
    if (this.radioState === "asleep") return;
    clock.clearTimer(this.look);
    this.look = clock.setTimer(() => chip.isAsleep() && this.followChip(), chip.sleepsInMs);
  }

  private setRadio(state: "off" | "awake" | "asleep"): void {
    this.radioState = state;
    this.port.meter.setRadio(state);
    this.wait();
  }

  /** The processor waits, as deep as it may. */
  wait(): void {
    const needsClocks = this.isOpen ? !this.isSuspended : this.pauses.size > 0;
    const isDeep = this.port.lightSleep && !needsClocks;
    this.port.meter.setCpu(isDeep ? "lightSleep" : "idle");
  }

  private flash(area: FlashArea): FlashArea {
    const { meter } = this.port;
    return {
      size: area.size,
      eraseUnit: area.eraseUnit,
      programUnit: area.programUnit,
      read: (offset, length) => area.read(offset, length),
      program(offset, bytes) {
        meter.event("programByte", bytes.length);
        area.program(offset, bytes);
      },
      erase(offset, length) {
        meter.event("eraseKilobyte", length / 1024);
        area.erase(offset, length);
      },
      sync: () => area.sync(),
    };
  }
}
