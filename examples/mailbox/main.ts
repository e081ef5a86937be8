/**
 * Values that a client may write: a text that is kept, and a command that is answered with a notification.
 */
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";

const MAILBOX = new UUID("4f627363-7572-6100-8000-000000000000");
const TEXT = new UUID("4f627363-7572-6100-8000-000000000001");
const COMMAND = new UUID("4f627363-7572-6100-8000-000000000002");
const ANSWER = new UUID("4f627363-7572-6100-8000-000000000003");
const ARCHIVE = new UUID("4f627363-7572-6100-8000-000000000004");

const mailbox = new Service(MAILBOX);
/** State: the latest value counts. */
const text = new Characteristic(mailbox, TEXT, { read: true, write: true, initial: "empty" });
/** A command; no response is needed to hand it in. */
const command = new Characteristic(mailbox, COMMAND, { write: true, writeNoResponse: true });
const answer = new Characteristic(mailbox, ANSWER, { read: true, notify: true });
/** Longer than any packet at the smallest MTU: clients read it in parts. */
new Characteristic(mailbox, ARCHIVE, {
  read: true,
  initial: Uint8Array.from({ length: 300 }, (_, index) => index & 0xff),
});
registerServices(mailbox);

async function followText(): Promise<void> {
  for (;;) {
    const writer = await text.written();
    console.log(`text from ${writer.device.addrHex()}: ${text.read().length} bytes`);
  }
}

/** Answers each command with its bytes in reverse. */
async function followCommands(): Promise<void> {
  for (;;) {
    const writer = await command.written();
    const reply = command.read().reverse();
    answer.write(reply);
    if (writer.isConnected()) await answer.notify(writer, reply);
  }
}

async function serve(): Promise<void> {
  for (;;) {
    await using connection = await advertise({
      intervalUs: 100_000,
      name: "obscura-mail",
      services: [MAILBOX],
    });
    console.log(`connected: ${connection.device.addrHex()}`);
    await connection.disconnected();
    console.log("disconnected");
  }
}

await Promise.all([followText(), followCommands(), serve()]);
