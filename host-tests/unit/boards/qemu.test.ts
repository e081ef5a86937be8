import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type QemuOptions, qemuArguments } from "../../../boards/mps2-an500/qemu.ts";
import * as an547 from "../../../boards/mps3-an547/qemu.ts";

/** The values that follow `flag`. */
function values(options: QemuOptions, flag: string): string[] {
  const words = qemuArguments(options);
  return words.filter((_, index) => words[index - 1] === flag);
}

describe("qemuArguments of mps2-an500", () => {
  it("gives the console the first UART and HCI the second, whatever they lead to", () => {
    const hci = { kind: "unix", path: "a,b" } as const;
    assert.deepEqual(values({ elf: "f", hci }, "-serial"), ["chardev:console", "chardev:hci"]);
    assert.deepEqual(values({ elf: "f", hci }, "-chardev"), [
      "stdio,id=console,signal=off",
      "socket,id=hci,path=a,,b",
    ]);
    assert.deepEqual(values({ elf: "f", console: { kind: "file", path: "log" } }, "-chardev"), [
      "file,id=console,path=log",
      "null,id=hci",
    ]);
  });

  it("sends small packets over TCP at once", () => {
    const [, hci] = values({ elf: "f", hci: { kind: "tcp", host: "127.0.0.1", port: 9 } }, "-chardev");
    assert.equal(hci, "socket,id=hci,host=127.0.0.1,port=9,nodelay=on");
  });

  it("backs the state area with a file only when there is one", () => {
    assert.deepEqual(values({ elf: "f" }, "-object"), []);
    assert.deepEqual(values({ elf: "f", stateFile: "s" }, "-object"), [
      "memory-backend-file,id=state,size=16777216,mem-path=s,share=on",
    ]);
    assert.deepEqual(values({ elf: "f", stateFile: "s" }, "-machine"), ["memory-backend=state"]);
  });

  it("loads the application as it is, whatever its first bytes look like", () => {
    assert.deepEqual(values({ elf: "f", app: "a.xsb" }, "-device"), [
      "loader,file=a.xsb,addr=0x00300000,force-raw=on",
    ]);
  });

  it("joins a modelled controller on a UART of its own, with its patch in memory", () => {
    const lines = { kind: "tcp", host: "127.0.0.1", port: 9 } as const;
    const options = { elf: "f", radioLines: lines, radioPatch: "p.hcd" };
    assert.deepEqual(values(options, "-device"), ["loader,file=p.hcd,addr=0x003e0000,force-raw=on"]);
    assert.deepEqual(values(options, "-serial").length, 3);
    assert.match(values(options, "-semihosting-config")[0]!, /arg=radio=cyw43$/);
  });

  it("hands seed, identifier and words to the firmware in that order", () => {
    const options = { elf: "f", seed: "ab".repeat(32), id: "0123456789abcdef", arguments: ["idle"] };
    assert.deepEqual(values(options, "-semihosting-config"), [
      `enable=on,target=native,arg=obscura,arg=seed=${"ab".repeat(32)},arg=id=0123456789abcdef,arg=idle`,
    ]);
  });

  it("counts instructions when asked", () => {
    assert.deepEqual(values({ elf: "f" }, "-icount"), []);
    assert.deepEqual(values({ elf: "f", icount: { shift: 0 } }, "-icount"), ["shift=0,sleep=on"]);
    assert.deepEqual(values({ elf: "f", icount: { shift: 6, skipSleep: true } }, "-icount"), [
      "shift=6,sleep=off",
    ]);
  });

  it("refuses what the firmware would misread", () => {
    assert.throws(() => qemuArguments({ elf: "f", seed: "ab" }), RangeError);
    assert.throws(() => qemuArguments({ elf: "f", id: "0123456789abcdeg" }), RangeError);
    assert.throws(() => qemuArguments({ elf: "f", arguments: ["two words"] }), RangeError);
  });
});

describe("qemuArguments of mps3-an547", () => {
  it("differs from mps2-an500 in the machine, the addresses and the size of its memory", () => {
    const options = { elf: "f", app: "a.xsb", radioPatch: "p.hcd", stateFile: "s" };
    const words = an547.qemuArguments(options);
    assert.deepEqual(words.slice(0, 2), ["-M", "mps3-an547"]);
    const differences = words.filter((word, index) => word !== qemuArguments(options)[index]);
    assert.deepEqual(differences, [
      "mps3-an547",
      "memory-backend-file,id=state,size=2147483648,mem-path=s,share=on",
      "loader,file=a.xsb,addr=0x38300000,force-raw=on",
      "loader,file=p.hcd,addr=0x383e0000,force-raw=on",
    ]);
  });
});
