/** What a user can do when the bridge cannot use a controller of this computer. docs/radio.md has the whole. */

/** Why tools/rig/bridge.py failed. */
export type FailureKind = "missing" | "permission" | "busy" | "unsupported" | "silent" | "other";

type Advice = (target: string, command: string) => string;

const others = "docs/radio.md has the other ways";

const serial: Partial<Record<FailureKind, Advice>> = {
  missing: (device) =>
    `There is no ${device}; ls /dev/ttyACM* /dev/ttyUSB* shows the serial ports that there are`,
  permission: (device) =>
    `This user may not open ${device}: sudo usermod -aG dialout $USER, log out and log in again`,
  busy: (device) => `Another program uses ${device}; lsof ${device} shows which`,
  unsupported: (device) => `${device} is not a serial port`,
  silent: (device) =>
    `${device} can be opened, but nothing there answers HCI Reset: its firmware must speak HCI over UART, at the speed ` +
    "and with the flow control that --radio names",
};

const usb: Partial<Record<FailureKind, Advice>> = {
  missing: (which) =>
    `No Bluetooth controller on USB is "${which}"; bumble-usb-probe in build/venv/bin lists them`,
  permission: (which) =>
    `This user may not open the USB device "${which}": it needs a udev rule, which docs/radio.md shows`,
  busy: (which) =>
    `The kernel or another program uses the USB device "${which}": sudo systemctl stop bluetooth`,
  unsupported: () => `This computer has no USB that programs can use; ${others}`,
  silent: (which) =>
    `The USB device "${which}" does not answer HCI Reset. One that wants a firmware first (Intel, Realtek) works as hci-socket:0`,
};

const hciSocket: Partial<Record<FailureKind, Advice>> = {
  missing: (number) => `There is no adapter hci${number}; ls /sys/class/bluetooth shows those that there are`,
  permission: (number, command) =>
    `Only root may take hci${number} from the kernel. Start the bridge as root: sudo ${command}; it prints an address for --radio`,
  busy: (number) => `hci${number} is in use: sudo systemctl stop bluetooth; sudo hciconfig hci${number} down`,
  unsupported: () => `This computer's kernel or Python has no Bluetooth sockets; ${others}`,
  silent: (number) => `hci${number} does not answer HCI Reset: take the dongle out and plug it in again`,
};

/** A controller that cannot be used. */
export interface BridgeFailure {
  /** As `--radio` names it. */
  readonly transport: string;
  readonly kind: FailureKind;
  /** What the operating system said. */
  readonly message: string;
  /** The words of the command that runs the bridge. */
  readonly command: readonly string[];
}

/** One sentence: what is wrong, and what to do about it. */
export function bridgeAdvice({ transport, kind, message, command }: BridgeFailure): string {
  const [scheme, ...rest] = transport.split(":");
  const target = rest.join(":");
  const quoted = command.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");
  const known = {
    serial: () => serial[kind]?.(target.split(",")[0]!, quoted),
    usb: () => usb[kind]?.(target, quoted),
    "hci-socket": () => hciSocket[kind]?.(target || "0", quoted),
  };
  return (
    known[scheme as keyof typeof known]() ??
    `The controller at ${transport} cannot be used: ${message}; docs/radio.md says what it needs`
  );
}
