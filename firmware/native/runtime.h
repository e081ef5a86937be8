/*
 * runtime.h: what the files of the native side know of each other. There is one machine, one task, and no
 * call from an interrupt into anything here.
 */
#ifndef OBSCURA_RUNTIME_H
#define OBSCURA_RUNTIME_H

#include "bundle.h"
#include "port.h"
#include "symbols.h"
#include "xsAll.h"

/* ---- figures of the board, from the build ---- */

#ifndef HEAP_CHUNKS
#define HEAP_CHUNKS (96 * 1024) /* bytes of strings, buffers, arrays */
#endif
#ifndef HEAP_SLOTS
#define HEAP_SLOTS 12288 /* 16 bytes each on a 32-bit board, 32 on a 64-bit one */
#endif
#ifndef HEAP_GROWTH
#define HEAP_GROWTH (3 * 1024 * 1024) /* bytes that the heap may grow by beyond both */
#endif
#ifndef HEAP_STACK
#define HEAP_STACK 1536 /* slots of JavaScript stack */
#endif
#ifndef TIMERS_MAX
#define TIMERS_MAX 64
#endif
#ifndef HCI_BAUD
#define HCI_BAUD 115200
#endif
#ifndef HCI_FLOW
#define HCI_FLOW 1
#endif
/* Rates of a controller that has to be brought up: while its patch is downloaded, and from then on. */
#ifndef RADIO_DOWNLOAD_BAUD
#define RADIO_DOWNLOAD_BAUD HCI_BAUD
#endif
#ifndef RADIO_RUN_BAUD
#define RADIO_RUN_BAUD HCI_BAUD
#endif
#ifndef WATCHDOG_MS
#define WATCHDOG_MS 60000
#endif
/* How long the trial of a new bundle waits for its confirmation, and the recovery service for an upload. */
#ifndef TRIAL_MS
#define TRIAL_MS 300000
#endif

/* ---- console.c ---- */

enum console_level { CONSOLE_FATAL, CONSOLE_ERROR, CONSOLE_WARNING, CONSOLE_INFO, CONSOLE_DEBUG };

/* One line with its level in front. `text` may hold line feeds: the lines after the first are indented. */
void console_text(enum console_level level, const char *text);
void console_line(enum console_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "what: " and the value that was thrown, with its stack when it has one. Never throws. */
void console_exception(txMachine *the, enum console_level level, const char *what, const txSlot *thrown);

/* ---- failure.c ---- */

/* Counts failures in a row and pauses the longer the more there were. Before the machine is created. */
void failure_boot(void);

/* Failures in a row before this start; and forgets them, where they were not this application's. */
unsigned failure_count(void);
void failure_forget(void);

/* The failure that follows is the controller's: it is not counted among those in a row. */
void failure_is_of_controller(void);
/* Whether such a failure was before this start. */
bool failure_was_of_controller(void);

/* When the loop must call failure_healthy, in port_clock_us; PORT_NEVER when it need not. */
uint64_t failure_healthy_at(void);
void failure_healthy(void);

/* A line on the console, then a reset with cause PORT_RESET_FAULT. */
void failure_fatal(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- memory.c ---- */

/* Creates the machine; `names` is how many symbols the bundles add. */
txMachine *memory_create_machine(unsigned names);
/* The same on top of a preloaded machine, which is only read. `names` are the application's. */
txMachine *memory_clone_machine(const txMachine *root, unsigned names);
/* Creates the machine to preload: slots and chunks in start[0..size), stack and tables elsewhere. */
txMachine *memory_create_preloaded(void *start, size_t size, unsigned names);

/* ---- natives_object.c ---- */

/* Pushes the object that holds all natives. */
void natives_push(txMachine *the);

/* ---- natives.c ---- */

/* Argument `index`, or a TypeError that names the native and the argument. */
txSlot *native_argument(txMachine *the, int index);
txSlot *native_function(txMachine *the, int index, const char *name);
uint32_t native_unsigned(txMachine *the, int index, const char *name, uint32_t maximum);
/* The bytes of a Uint8Array. They move with the next allocation. */
uint8_t *native_bytes(txMachine *the, int index, const char *name, uint32_t *length);
/* Makes the result a Uint8Array of `length` zero bytes and returns them. They move with the next allocation.
 */
uint8_t *native_result_bytes(txMachine *the, uint32_t length);

#define NATIVE(NAME, COUNT) void native_##NAME(txMachine *the);
#include "native_table.h"
NATIVE_TABLE(NATIVE)
#undef NATIVE

/* ---- bundles.c ---- */

/* The firmware, and the identifier of its module; XS_NO_ID where it has been evaluated. */
void bundles_use_firmware(const struct bundle *bundle, txID id);
const struct bundle *bundles_firmware(void);
/* Opens the application, if there is one. Returns how many symbols it adds. */
unsigned bundles_open_application(void);
/* Gives its symbols the identifiers that its code uses. Before any JavaScript runs. */
void bundles_bind_application(txMachine *the);
/* After the firmware's symbols, and those that its module made up, leaves out the rest of the spare ones. */
void bundles_skip_spare(txMachine *the);
/* NULL, or why the application does not fit: a whole sentence. */
const char *bundles_application_problem(void);
const char *bundles_application_name(void);

/* Where bytecode lies. */
enum stack_place { STACK_NATIVE, STACK_FIRMWARE, STACK_APPLICATION };
enum stack_place bundles_find(const txByte *code, uint32_t *offset);
/* What the offsets of the one or the other are offsets in. */
uint32_t bundles_id(bool application);

/* ---- main.c ---- */

/* Calls the firmware's default export, without which there is no camera. Both are instances. */
void main_call(txMachine *the, txSlot *function, txSlot *natives);
/* Has the promise on the stack's top, which it pops, call `fulfilled`; if it is rejected, main has failed. */
void main_await(txMachine *the, txCallback fulfilled);
void main_failed(txMachine *the, const txSlot *thrown) __attribute__((noreturn));

/* ---- application.c ---- */

void application_init(txMachine *the);
/* Whether it is new: a minute has not passed, and no peer has sent anything since. */
bool application_starting(void);
/* Throws a ReferenceError unless the application was given the module `name`. */
void application_check_import(txMachine *the, const char *name);

/* ---- loop.c ---- */

/* A reference that the collector sees for as long as the firmware runs. Starts undefined. */
void root_add(txMachine *the, txSlot *slot);
void root_set(txSlot *slot, const txSlot *value);
void root_clear(txSlot *slot);

/* Pushes the arguments of a callback and returns how many there are. */
typedef int (*push_arguments)(txMachine *the, const void *data);

/* Calls a function kept in a root, then the promise jobs. What it throws goes to the console as `what`. */
void loop_call(txMachine *the, const char *what, const txSlot *function, push_arguments push,
               const void *data);
/*
 * This turn is long anyway: when half of what is free is used up at its end, garbage is collected there, and
 * the turns that follow have room.
 */
void loop_collect_soon(void);
void loop_run_jobs(txMachine *the);
void loop_run(txMachine *the) __attribute__((noreturn));

/* ---- timers.c ---- */

void timers_start(txMachine *the);
/* When the first timer is due, in port_clock_us; PORT_NEVER when there is none. */
uint64_t timers_next(void);
/* Calls those that are due now. */
void timers_run(txMachine *the);

/* ---- natives_flash.c ---- */

void flash_natives_start(txMachine *the);
/* Calls back when the operation of flash in the background has ended. */
void flash_natives_end(txMachine *the);

/* ---- natives_radio.c ---- */

void radio_start(txMachine *the);
/* HOST_WAKE, or CTS, has changed. */
void radio_host_wake(txMachine *the);
void radio_cts(txMachine *the);

/* ---- hci.c ---- */

void hci_start(txMachine *the);
/* Reads what the UART has and hands whole packets to JavaScript, up to a bound; the rest waits a turn. */
void hci_receive(txMachine *the);
/* The UART has room again. */
void hci_transmit(txMachine *the);
void hci_line_error(txMachine *the);
/* Changes the rate of the line, now and when it is opened again. Returns the rate achieved, 0 when there is
 * none. */
uint32_t hci_baud_rate(uint32_t baud);
/* Queues the command whose opcode, length and parameters these are. False when nothing was queued. */
bool hci_send_command(const uint8_t *command);
/* port_radio_power; what waits for a controller that loses its supply is dropped. */
void hci_supply(bool on);
/* port_uart_suspend; false also while a packet to the controller waits. */
bool hci_suspend(bool suspend);
/* Whether a peer has sent anything since the start. */
bool hci_data_came(void);
/* When the packet that has begun to come is overdue, in port_clock_us; PORT_NEVER when none has. */
uint64_t hci_next(void);
/* Reports the line unless that packet is whole by now. */
void hci_overdue(txMachine *the);

#endif
