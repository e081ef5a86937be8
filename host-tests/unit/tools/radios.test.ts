/** What `--radio` may name, and what each choice asks of the computer. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UsageError } from "../../../tools/events.ts";
import { bridgeAdvice } from "../../../tools/session/radios/advice.ts";
import { parseRadio } from "../../../tools/session/radios/radio.ts";
import { piecesFor } from "../../../tools/setup.mjs";

describe("radios", () => {
  it("refuses an address that no socket has, when the command line is read", () => {
    for (const [text, why] of [
      ["tcp:localhost:0", /no port from 1 to 65535/],
      ["tcp:localhost:65536", /no port from 1 to 65535/],
      ["tcp:localhost:http", /There is no radio/],
      ["tcp::6402", /There is no radio/],
      ["unix:", /There is no radio/],
      [`unix:/${"a".repeat(107)}`, /longer than a UNIX socket's: 107 bytes/],
    ] as const) {
      assert.throws(() => parseRadio(text), { name: "UsageError", message: why });
    }
  });

  it("are known by name, or by the address of a controller", () => {
    assert.deepEqual(parseRadio("sim"), { kind: "sim" });
    assert.deepEqual(parseRadio("bumble"), { kind: "bumble" });
    for (const hci of ["tcp:127.0.0.1:6402", "unix:/run/controller"]) {
      assert.deepEqual(parseRadio(hci), { kind: "controller", hci });
    }
  });

  it("are controllers of this computer, in Bumble's words", () => {
    for (const transport of [
      ...["serial:/dev/ttyACM0", "serial:/dev/my dongle,115200", "serial:/dev/ttyUSB0,1000000,rtscts"],
      ...[
        "usb:0",
        "usb:0a12:0001",
        "usb:0A12:0001#2",
        "usb:0a12:0001/00E04C239987",
        "hci-socket",
        "hci-socket:1",
      ],
    ]) {
      assert.deepEqual(parseRadio(transport), { kind: "bridge", transport });
    }
  });

  it("are listed for an unknown one", () => {
    for (const text of [
      ...["", "simulator", "tcp:127.0.0.1", "tcp:6402"],
      ...["serial:", "serial:/dev/ttyACM0,fast", "usb:", "usb:first", "usb:12:34", "hci-socket:hci0"],
    ]) {
      assert.throws(
        () => parseRadio(text),
        (error: unknown) =>
          error instanceof UsageError &&
          /Radios: sim, sim:cyw43, bumble, tcp:HOST:PORT, unix:PATH, serial:.*, usb:.*, hci-socket:NUMBER\./.test(
            error.message,
          ),
        text,
      );
    }
  });

  it("need Python only when they are Bumble's, and a cross compiler only for a board that has one", () => {
    assert.deepEqual(piecesFor("host", "sim"), ["native"]);
    assert.deepEqual(piecesFor("host", "controller"), ["native"]);
    assert.deepEqual(piecesFor("host", "bumble"), ["native", "python"]);
    assert.deepEqual(piecesFor("host", "bridge"), ["native", "python"]);
    assert.deepEqual(piecesFor("mps2-an500", "sim"), ["native", "cortex-m"]);
  });
});

describe("a controller of this computer that cannot be used", () => {
  const advice = (transport: string, kind: Parameters<typeof bridgeAdvice>[0]["kind"]) =>
    bridgeAdvice({
      transport,
      kind,
      message: "what the system said",
      command: ["/my venv/python", "bridge.py"],
    });

  it("has a sentence for each reason that names the device and what to do", () => {
    const port = "serial:/dev/ttyACM0,115200,rtscts";
    assert.match(advice(port, "missing"), /There is no \/dev\/ttyACM0; ls \/dev\/ttyACM\*/);
    assert.match(advice(port, "permission"), /\/dev\/ttyACM0: sudo usermod -aG dialout \$USER/);
    assert.match(advice(port, "busy"), /Another program uses \/dev\/ttyACM0/);
    assert.match(advice(port, "unsupported"), /\/dev\/ttyACM0 is not a serial port/);
    assert.match(advice(port, "silent"), /nothing there answers HCI Reset/);
    assert.match(advice("usb:0a12:0001", "permission"), /"0a12:0001": it needs a udev rule/);
    assert.match(advice("usb:0", "missing"), /No Bluetooth controller on USB is "0"/);
    assert.match(advice("usb:0", "busy"), /sudo systemctl stop bluetooth/);
    assert.match(advice("hci-socket", "missing"), /There is no adapter hci0/);
    assert.match(advice("hci-socket:1", "busy"), /sudo hciconfig hci1 down/);
    assert.match(
      advice("hci-socket:1", "permission"),
      /hci1 .*: sudo '\/my venv\/python' bridge\.py; it prints/,
    );
  });

  it("passes on what the system said where there is no advice", () => {
    for (const transport of ["serial:/dev/ttyACM0", "usb:0", "hci-socket"]) {
      assert.equal(
        advice(transport, "other"),
        `The controller at ${transport} cannot be used: what the system said; docs/radio.md says what it needs`,
      );
    }
  });
});
