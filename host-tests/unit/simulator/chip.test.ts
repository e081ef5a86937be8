/** The model of the chip notices what no driver may do: each of these makes one mistake, beside one that makes none. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "mocha";
import { HCI_STATUS } from "../../../firmware/ble/hci/status.ts";
import { CYW43_TIMES, Cyw43Chip, START_BAUD } from "../../../simulator/chips/cyw43.ts";
import type { VirtualClock } from "../../../simulator/clock.ts";
import { createWorld } from "../../../simulator/world.ts";

const RUN_BAUD = 3_000_000;
const RAM_START = 0x0020_0000;
const RAM_END = 0x0024_0000;
const LAUNCH_ADDRESS = 0xffff_ffff;

const RESET = 0x0c03;
const UPDATE_BAUD_RATE = 0xfc18;
const WRITE_BD_ADDR = 0xfc01;
const SET_SLEEP_MODE = 0xfc27;
const DOWNLOAD_MINIDRIVER = 0xfc2e;
const WRITE_RAM = 0xfc4c;
const LAUNCH_RAM = 0xfc4e;

const u32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

/** A driver that does as it is told, right or wrong. */
class Driver {
  readonly chip: Cyw43Chip;
  readonly clock: VirtualClock;
  /** Bytes from the chip, with the rate that they came at. */
  heard: { readonly bytes: Uint8Array; readonly baudRate: number }[] = [];
  baudRate = START_BAUD;

  constructor() {
    const world = createWorld();
    this.clock = world.clock;
    const { controller } = world.addCamera();
    this.chip = new Cyw43Chip(controller, {
      onBytes: (bytes, baudRate) => this.heard.push({ bytes, baudRate }),
    });
  }

  /** Puts a command on the line; returns the status of its answer, undefined where none came within 10 ms. */
  async command(opcode: number, ...parameters: number[]): Promise<number | undefined> {
    this.heard = [];
    const bytes = Uint8Array.of(1, opcode & 0xff, opcode >> 8, parameters.length, ...parameters);
    this.chip.receive(bytes, this.baudRate);
    await this.clock.advance(10);
    const answer = this.heard.find(({ bytes }) => bytes[1] === 0x0e)?.bytes;
    return answer?.[6];
  }

  record(address: number, ...data: number[]): Promise<number | undefined> {
    return this.command(WRITE_RAM, ...u32(address), ...data);
  }

  /** Supply, until CTS. */
  async powerUp(): Promise<void> {
    this.chip.wake(true);
    this.chip.power(true);
    await this.clock.advance(CYW43_TIMES.powerUpMs);
  }

  /** To where records may come. */
  async beginDownload(): Promise<void> {
    await this.powerUp();
    assert.equal(await this.command(RESET), HCI_STATUS.SUCCESS);
    await this.changeRate(RUN_BAUD);
    assert.equal(await this.command(DOWNLOAD_MINIDRIVER), HCI_STATUS.SUCCESS);
  }

  async changeRate(baudRate: number): Promise<void> {
    assert.equal(await this.command(UPDATE_BAUD_RATE, 0, 0, ...u32(baudRate)), HCI_STATUS.SUCCESS);
    this.baudRate = baudRate;
  }

  /** To the moment behind the launch's answer, in which the chip restarts. */
  async launch(): Promise<void> {
    await this.beginDownload();
    assert.equal(await this.record(RAM_START, 1, 2, 3), HCI_STATUS.SUCCESS);
    assert.equal(await this.command(LAUNCH_RAM, ...u32(LAUNCH_ADDRESS)), HCI_STATUS.SUCCESS);
    this.baudRate = START_BAUD;
  }

  /** To a chip that works, and may sleep where the host lets it. */
  async bringUp(): Promise<void> {
    await this.launch();
    await this.clock.advance(CYW43_TIMES.restartMs);
    assert.equal(await this.command(RESET), HCI_STATUS.SUCCESS);
    await this.changeRate(RUN_BAUD);
    assert.equal(await this.command(SET_SLEEP_MODE, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0), HCI_STATUS.SUCCESS);
  }
}

describe("the model of a CYW43 chip", () => {
  let driver: Driver;
  let chip: Cyw43Chip;

  beforeEach(() => {
    driver = new Driver();
    ({ chip } = driver);
  });

  it("has nothing against a driver that does everything right", async () => {
    await driver.bringUp();
    assert.deepEqual(chip.violations, []);
    assert.equal(chip.noise + chip.lost, 0);
  });

  it("is silent without supply, and until it takes bytes", async () => {
    assert.equal(await driver.command(RESET), undefined);
    chip.wake(true);
    chip.power(true);
    await driver.clock.advance(CYW43_TIMES.powerUpMs - 20);
    assert.equal(await driver.command(RESET), undefined);
    assert.equal(chip.lost, 8);
    assert.ok(!chip.isReady());
  });

  it("takes another rate for noise, and answers nothing", async () => {
    await driver.powerUp();
    for (const [baudRate, status] of [
      [RUN_BAUD, undefined],
      [START_BAUD * 1.03, undefined],
      [START_BAUD * 1.02, HCI_STATUS.SUCCESS],
    ] as const) {
      driver.baudRate = baudRate;
      assert.equal(await driver.command(RESET), status, `${baudRate}`);
    }
    assert.equal(chip.noise, 8);
    // It changes behind its answer, whether its host does or not.
    driver.baudRate = START_BAUD;
    await driver.changeRate(RUN_BAUD);
    driver.baudRate = START_BAUD;
    assert.equal(await driver.command(RESET), undefined);
    assert.equal(chip.noise, 12);
  });

  it("answers a change of its rate at the old one, and goes on at the new one", async () => {
    await driver.powerUp();
    await driver.changeRate(RUN_BAUD);
    assert.deepEqual(
      driver.heard.map(({ baudRate }) => baudRate),
      [START_BAUD],
    );
    await driver.command(RESET);
    assert.deepEqual(
      driver.heard.map(({ baudRate }) => baudRate),
      [RUN_BAUD],
    );
  });

  /** Mistakes of a driver: what it does, the status that it hears, what the chip notes. */
  const mistakes: Readonly<
    Record<string, [act: (driver: Driver) => Promise<number | undefined>, violation: string]>
  > = {
    "a record out of order": [
      async (driver) => {
        await driver.beginDownload();
        assert.equal(await driver.record(RAM_START + 16, 1, 2, 3, 4), HCI_STATUS.SUCCESS);
        return driver.record(RAM_START, 5, 6);
      },
      "a record out of order",
    ],
    "a record below the RAM": [
      async (driver) => {
        await driver.beginDownload();
        return driver.record(RAM_START - 1, 1);
      },
      "a record outside of the RAM",
    ],
    "a record over the end of the RAM": [
      async (driver) => {
        await driver.beginDownload();
        return driver.record(RAM_END - 1, 1, 2);
      },
      "a record outside of the RAM",
    ],
    "a record before Download Minidriver": [
      async (driver) => {
        await driver.powerUp();
        return driver.record(RAM_START, 1);
      },
      "a record outside of a download",
    ],
    "a launch at an address": [
      async (driver) => {
        await driver.beginDownload();
        await driver.record(RAM_START, 1);
        return driver.command(LAUNCH_RAM, ...u32(RAM_START));
      },
      "Launch RAM at an address",
    ],
    "a launch of nothing": [
      async (driver) => {
        await driver.beginDownload();
        return driver.command(LAUNCH_RAM, ...u32(LAUNCH_ADDRESS));
      },
      "Launch RAM of nothing",
    ],
    "a command before the patch": [
      async (driver) => {
        await driver.powerUp();
        return driver.command(0x2005, 0, 0, 0, 0, 0, 0xc0);
      },
      "command 0x2005 before the patch",
    ],
    "a second download": [
      async (driver) => {
        await driver.bringUp();
        return driver.command(DOWNLOAD_MINIDRIVER);
      },
      "Download Minidriver after the patch",
    ],
  };
  for (const [name, [act, violation]] of Object.entries(mistakes)) {
    it(`refuses ${name}, and notes it`, async () => {
      assert.equal(await act(driver), HCI_STATUS.COMMAND_DISALLOWED);
      assert.deepEqual(chip.violations, [violation]);
    });
  }

  it("hears nothing while it restarts behind the launch, and has the first rate afterwards", async () => {
    await driver.launch();
    assert.ok(!chip.isReady());
    assert.equal(await driver.command(RESET), undefined);
    assert.equal(chip.lost, 4);
    await driver.clock.advance(CYW43_TIMES.restartMs);
    driver.baudRate = RUN_BAUD;
    assert.equal(await driver.command(RESET), undefined);
    assert.equal(chip.noise, 4);
    driver.baudRate = START_BAUD;
    assert.equal(await driver.command(RESET), HCI_STATUS.SUCCESS);
  });

  it("loses bytes that come while it sleeps, and within 5 ms of DEV_WAKE", async () => {
    await driver.bringUp();
    chip.wake(false);
    await driver.clock.advance(CYW43_TIMES.idleUnitMs + 1);
    assert.ok(chip.isAsleep());
    assert.equal(await driver.command(RESET), undefined);
    chip.wake(true);
    await driver.clock.advance(CYW43_TIMES.wakeMs - 1);
    assert.equal(await driver.command(RESET), undefined);
    assert.deepEqual(chip.violations, ["4 bytes while it slept", "4 bytes while it slept"]);
    await driver.clock.advance(CYW43_TIMES.wakeMs);
    assert.equal(await driver.command(RESET), HCI_STATUS.SUCCESS);
  });

  it("does not bear a host that leaves its HOST_WAKE alone", async () => {
    await driver.bringUp();
    chip.setHostTakes(false);
    assert.equal(await driver.command(RESET), undefined);
    await driver.clock.advance(CYW43_TIMES.hostWakeMs);
    assert.deepEqual(chip.violations, [`left alone with HOST_WAKE for ${CYW43_TIMES.hostWakeMs} ms`]);
    // Nothing is lost all the same.
    driver.heard = [];
    chip.setHostTakes(true);
    assert.equal(driver.heard.length, 1);
  });

  it("notes a supply that was away for too short, and one with DEV_WAKE released", async () => {
    await driver.powerUp();
    chip.power(false);
    await driver.clock.advance(CYW43_TIMES.offMs - 1);
    chip.power(true);
    chip.power(false);
    await driver.clock.advance(CYW43_TIMES.offMs);
    chip.wake(false);
    chip.power(true);
    assert.deepEqual(chip.violations, [
      `supplied again after less than ${CYW43_TIMES.offMs} ms`,
      "supplied while DEV_WAKE lets it sleep",
    ]);
  });

  it("notes its default address in advertising, scan and connection, and an assigned one only until the supply is gone", async () => {
    /** Own_Address_Type, of commands whose other parameters do not matter here. */
    const commands = (type: number): [opcode: number, ...parameters: number[]][] => [
      [0x2006, 0xa0, 0, 0xa0, 0, 0, type, 0, 0, 0, 0, 0, 0, 0, 7, 0],
      [0x200b, 0, 0x10, 0, 0x10, 0, type, 0],
      [0x200d, 0x60, 0, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, type, 6, 0, 6, 0, 0, 0, 0x2a, 0, 0, 0, 0, 0],
    ];
    const send = async (type: number): Promise<string[]> => {
      for (const command of commands(type)) await driver.command(...command);
      return chip.violations.splice(0);
    };
    const note = "its default address on the air";
    await driver.bringUp();
    assert.deepEqual(await send(1), []);
    assert.deepEqual(await send(0), [note, note, note]);
    assert.equal(await driver.command(WRITE_BD_ADDR, 1, 2, 3, 4, 5, 6), HCI_STATUS.SUCCESS);
    assert.deepEqual(await send(0), []);
    chip.power(false);
    await driver.clock.advance(CYW43_TIMES.offMs);
    driver.baudRate = START_BAUD;
    await driver.bringUp();
    assert.deepEqual(await send(0), [note, note, note]);
  });

  it("notes data before the patch, and bytes that begin no packet", async () => {
    await driver.powerUp();
    chip.receive(Uint8Array.of(2, 0x40, 0x20, 1, 0, 0), START_BAUD);
    chip.receive(Uint8Array.of(9), START_BAUD);
    assert.deepEqual(chip.violations, ["data before the patch", "bytes that begin no packet"]);
  });
});
