/** Property reads, writes and deletions that run code, with results that nobody uses. */
export {};

const log: string[] = [];
const object = {
  get first(): number {
    log.push("get first");
    return 1;
  },
  set second(value: number) {
    log.push(`set second ${value}`);
  },
};
object.first;
object.second = 2;

class Device {
  get ready(): boolean {
    log.push("get ready");
    return true;
  }
  static get count(): number {
    log.push("get count");
    return 0;
  }
}
const device = new Device();
device.ready;
Device.count;
const { ready } = device;
void ready;
const { first: _unused } = object;

function poll(): void {
  device.ready;
}
poll();

const made: Record<string, unknown> = {};
Object.defineProperty(made, "late", {
  get() {
    log.push("get late");
    return 1;
  },
});
made.late;
made["late"];
console.log(log.join("\n"));
