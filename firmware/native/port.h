/*
 * port.h: the contract of a board. A board implements every function below in boards/<board>/;
 * nothing else in firmware/native knows the hardware. docs/porting.md is the walk-through.
 *
 * Context: a function may be called from interrupts only where its comment says "IRQ"; all others
 * are called from the one task that runs JavaScript. No function but port_event_wait blocks.
 */
#ifndef OBSCURA_PORT_H
#define OBSCURA_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash_areas.h" /* which the build makes of board.json */

/* ---- life ---- */

enum port_reset_cause {
    PORT_RESET_POWER_ON,
    PORT_RESET_SOFTWARE, /* port_reset */
    PORT_RESET_WATCHDOG,
    PORT_RESET_FAULT,      /* hard fault, abort: port_panic was called */
    PORT_RESET_WAKE_TIMER, /* port_deep_sleep, and what ended it */
    PORT_RESET_WAKE_MOTION,
    PORT_RESET_WAKE_BUTTON,
};

/* Clocks, interrupts, console, UART pins. Called once, before anything else. */
void port_init(int argc, char **argv);

enum port_reset_cause port_reset_cause(void);

/* Restarts the firmware; never returns. RAM given by port_retained survives. */
void port_reset(void) __attribute__((noreturn));

/*
 * Last words and restart with cause PORT_RESET_FAULT. IRQ. The sentence has been written to the console
 * by the caller. Never returns.
 */
void port_panic(void) __attribute__((noreturn));

/*
 * 64 bytes that survive software, watchdog and fault resets and deep sleep, and start as zeros after
 * power-on. The shared code keeps its count of failures in a row there, when the trial of a new application
 * began, and until when the power-on lets one device pair.
 */
#define PORT_RETAINED_SIZE 64
void *port_retained(void);

/* ---- deep sleep and battery ---- */

enum port_wake {
    PORT_WAKE_TIMER = 1u << 0,
    PORT_WAKE_MOTION = 1u << 1,
    PORT_WAKE_BUTTON = 1u << 2,
};

/* What ends this board's deep sleep; 0 where it has none. */
uint32_t port_wake_sources(void);

/*
 * Sleeps as deep as the board can, the radio's supply off, until one of `sources` or, with PORT_WAKE_TIMER
 * among them, the time `at_us` of port_rtc_us. Then resets with the cause that says what it was. Only memory
 * that port_sleep_memory and port_retained return survives. Never returns.
 */
void port_deep_sleep(uint64_t at_us, uint32_t sources) __attribute__((noreturn));

/* Microseconds since the supply came; goes on through deep sleep and resets. */
uint64_t port_rtc_us(void);

/* Memory that survives deep sleep and resets, zeros after power-on; NULL and *size 0 where there is none. */
void *port_sleep_memory(size_t *size);

/* False on a board that cannot measure its battery. */
bool port_battery(uint32_t *millivolts);

/* ---- time and sleep ---- */

/* Microseconds since start; monotonic, 64 bits, goes on during sleep. IRQ. */
uint64_t port_clock_us(void);

#define PORT_NEVER UINT64_MAX

/* One-shot: PORT_EVENT_ALARM is posted at or after at_us (absolute). A new call replaces the old one. */
void port_alarm_set(uint64_t at_us);

enum port_event {
    PORT_EVENT_UART_RX = 1u << 0,    /* as many bytes wait in port_uart_read as port_uart_expect said */
    PORT_EVENT_UART_TX = 1u << 1,    /* room again after port_uart_write took less than it was given */
    PORT_EVENT_UART_ERROR = 1u << 2, /* overrun, framing error, or the line is gone; see port_uart_error */
    PORT_EVENT_ALARM = 1u << 3,
    PORT_EVENT_POST = 1u << 4,      /* other boards' drivers and the shared code */
    PORT_EVENT_FLASH = 1u << 5,     /* the operation in the background has ended; see port_flash_outcome */
    PORT_EVENT_HOST_WAKE = 1u << 6, /* HOST_WAKE has changed; see port_radio_host_wake */
    PORT_EVENT_CTS = 1u << 7,       /* CTS has changed; see port_radio_ready */
};

/*
 * Sleeps (WFI or the host's equivalent) until at least one event is pending, then returns and clears the
 * pending events. Returns at once when one is pending already. The board may wake inside to feed its own
 * counters, without returning. While the HCI UART is closed or suspended, every clock may stop that the
 * alarm, pins, HOST_WAKE and CTS do without, and what the board itself has under way (a sensor, flash, the
 * console).
 */
uint32_t port_event_wait(void);

/* Makes events pending. IRQ. */
void port_event_post(uint32_t events);

/* ---- HCI UART ---- */

/*
 * Opens the HCI UART: 8N1 at `baud`, with RTS/CTS when `flow`. Drops whatever was received before. Returns
 * the rate really achieved, or 0 when there is no such UART (the console then holds the reason).
 */
uint32_t port_uart_open(uint32_t baud, bool flow);

/*
 * Takes and gives nothing more. What was queued is still sent in the background, also while the UART is open
 * again, so that the controller is not left inside a packet: then true. False when the line is gone, and what
 * was queued with it.
 */
bool port_uart_close(void);

/* Waits for TX empty, then changes the rate. Returns the rate achieved, 0 when it cannot be made. */
uint32_t port_uart_baud(uint32_t baud);

/* Bytes that port_uart_write would take now. */
size_t port_uart_room(void);

/* Queues up to `length` bytes and returns how many were taken. Sent in the background. */
size_t port_uart_write(const void *bytes, size_t length);

/* Copies up to `length` received bytes and returns how many. Never blocks. */
size_t port_uart_read(void *bytes, size_t length);

/*
 * How many bytes must wait before they are of use: PORT_EVENT_UART_RX is posted when so many do, and at once
 * when they do already. 1 after port_uart_open. A board may post it for fewer: each wake-up for a part of a
 * packet is one for nothing.
 */
void port_uart_expect(size_t length);

enum port_uart_error {
    PORT_UART_OK,
    PORT_UART_OVERRUN, /* bytes were lost */
    PORT_UART_FRAMING,
    PORT_UART_GONE, /* host board: the socket was closed by the other side */
};

/* The most serious error since the last call. */
enum port_uart_error port_uart_error(void);

/* ---- a controller that has to be brought up ---- */

/*
 * Name of the controller's driver, which is that of a feature (docs/features.md). NULL when the controller is
 * always on and ready: nothing else of this section is called then.
 */
const char *port_radio_driver(void);

/*
 * Supplies the controller, or takes its supply away (REG_ON), and with it what is queued in the HCI UART. Off
 * after a reset of any kind.
 */
void port_radio_power(bool on);

/* Asks the controller to be awake, or lets it sleep (DEV_WAKE; low is awake). */
void port_radio_wake(bool awake);

/*
 * Whether the controller takes bytes: the level of the UART's CTS, low being true. Its fall posts
 * PORT_EVENT_CTS, with the UART open or closed: that is what a controller's start waits for.
 */
bool port_radio_ready(void);

/*
 * Whether this board can stop its UART, and HOST_WAKE wakes it. The two functions behind this one are called
 * only where it is true.
 */
bool port_uart_suspends(void);

/* Whether the controller asks for the host (HOST_WAKE; low is asking). A change posts PORT_EVENT_HOST_WAKE.
 */
bool port_radio_host_wake(void);

/*
 * With true: raises RTS, takes the byte that is on the line, and stops the open UART; port_event_wait may
 * then stop every clock but what the alarm, pins and HOST_WAKE need to end it. HOST_WAKE that asks already
 * posts its event at once. False, with nothing changed, while bytes are queued. With false: the UART runs as
 * before, and RTS falls. port_uart_open and port_uart_close do that too.
 */
bool port_uart_suspend(bool suspend);

/* The controller's patch where the board keeps it, readable in place; NULL and *size 0 when there is none.
 * More may follow behind the patch. */
const void *port_radio_patch(size_t *size);

/*
 * The public address (EUI-48) that was assigned to this device, in printed order; the one that the controller
 * has by itself may be that of many. False where none was assigned.
 */
bool port_radio_public_address(uint8_t address[6]);

/* ---- flash ---- */

/* PORT_FLASH_STATE for the area "state" of board.json, which every board has: records, as addresses and
 * bonds. */
enum port_flash_area_id {
#define AREA(IDENTIFIER, NAME, SIZE, ERASE_UNIT, PROGRAM_UNIT) PORT_FLASH_##IDENTIFIER,
    FLASH_AREAS(AREA)
#undef AREA
        PORT_FLASH_AREAS,
};

struct port_flash_area {
    const char *name;
    uint32_t size;         /* bytes; a multiple of erase_unit, at least two of them */
    uint32_t erase_unit;   /* bytes erased together */
    uint32_t program_unit; /* bytes programmed together, power of two */
};

/* NULL beyond the last one. boards/common/flash_list.c has it for every board. */
const struct port_flash_area *port_flash_area(enum port_flash_area_id area);

/* The area for who reads it in place, at a multiple of 16; NULL where the flash cannot be read so. */
const void *port_flash_map(enum port_flash_area_id area);

/*
 * All return false when the range or alignment is wrong, or the flash reports a failure. They wait for an
 * operation in the background to end first.
 */
bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length);
/* Only clears bits (1 to 0); offset and length are multiples of program_unit. */
bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length);
/* Sets every byte to 0xFF; offset and length are multiples of erase_unit. */
bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length);
/* What was programmed before survives a power cut once this returned true. */
bool port_flash_sync(enum port_flash_area_id area);

/*
 * The same in the background, one operation at a time on the whole board: true when it has begun. Its end
 * posts PORT_EVENT_FLASH. `bytes` stay as they are until then. For a flash that knows no background there is
 * boards/common/flash_at_once.c.
 */
bool port_flash_begin_program(enum port_flash_area_id area, uint32_t offset, const void *bytes,
                              uint32_t length);
bool port_flash_begin_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length);

enum port_flash_outcome {
    PORT_FLASH_BUSY,
    PORT_FLASH_DONE,
    PORT_FLASH_FAILED,
};

/* Of the operation that was begun last. */
enum port_flash_outcome port_flash_outcome(void);

/* ---- identity, entropy, sensors ---- */

/* Entropy fit for keys. False when there is none; never a silent fallback. */
bool port_random(void *bytes, size_t length);

/* 8 bytes that are the same at every start of this device and differ between devices. */
void port_unique_id(uint8_t id[8]);

enum port_sensor {
    PORT_SENSOR_TEMPERATURE, /* degrees Celsius */
    PORT_SENSOR_HUMIDITY,    /* percent relative humidity */
};

/* The latest reading; false when the board has no such sensor. */
bool port_sensor_read(enum port_sensor sensor, double *value);

/* ---- heap ---- */

/*
 * How many of `most` bytes the heap may take beyond its floor: all of them, unless the command line of a test
 * says fewer. Asked once, before there is a heap.
 */
uint32_t port_heap_growth(uint32_t most);

/* ---- application ---- */

/*
 * How long the trial of a new bundle waits for its confirmation, and the recovery service for an upload: the
 * default, unless the command line of a test says otherwise.
 */
uint32_t port_trial_ms(uint32_t default_ms);

/* For how long after a start deep sleep is put off: the default, unless the command line of a test says
 * otherwise. */
uint32_t port_window_ms(uint32_t default_ms);

/* For less than how long a power-on must last to be in a row with the next: the default, unless the command
 * line of a test says otherwise; 0 counts none. */
uint32_t port_power_on_ms(uint32_t default_ms);

/*
 * The application's signed bundle (signed_bundle.h) where the board keeps it, readable in place, at a
 * multiple of 16; NULL and *size 0 when there is none. More may follow behind the bundle.
 */
const void *port_application(size_t *size);

/* ---- preloaded machine (rom.c) ---- */

#define PORT_BUILD_ID_SIZE 20

/* Where flash has room for the image of the preloaded machine. */
struct port_rom {
    void *start; /* a multiple of 8, the same address in every program of this board */
    size_t size;
    const uint8_t
        *build_id;      /* PORT_BUILD_ID_SIZE bytes that differ between any two programs (ld --build-id) */
    const void *leaves; /* the part of the program that is taken out once the machine has been made */
    size_t leaves_size;
};

/* NULL when the board has none: the firmware's module is then evaluated at every start. */
const struct port_rom *port_rom(void);

/*
 * True when the build has started this program in an emulator in order to make that image; the region is all
 * zeros then and can be written. A board without an emulator returns false. Asked only when there is no
 * image.
 */
bool port_rom_preload(void);

/* Gives the first `length` bytes of the region to the build. */
bool port_rom_save(size_t length);

/* ---- watchdog and console ---- */

/* Starts a watchdog that resets the camera unless fed every `period_ms`. It cannot be stopped. */
void port_watchdog_start(uint32_t period_ms);
void port_watchdog_feed(void);

/* Writes bytes to the debug channel, waiting if it must. IRQ. */
void port_console_write(const char *text, size_t length);

/*
 * Ends the program where somebody takes the status (host process, QEMU with semihosting), with this exit
 * status; elsewhere restarts. Only development tools ask for it.
 */
void port_exit(int status) __attribute__((noreturn));

/* ---- figures ---- */

/* What the board counted since start. A member that a board cannot know stays 0. */
struct port_stats {
    uint64_t asleep_us;            /* time spent asleep in port_event_wait */
    uint64_t asleep_deep_us;       /* of it as deep as light sleep gets, the HCI UART closed or stopped */
    uint32_t wakeups;              /* returns from sleep (WFI, epoll), whatever the reason */
    uint32_t wakeups_housekeeping; /* of these, the ones that only fed the watchdog or saw a counter wrap */
    uint32_t ram_static;           /* bytes of RAM that the linker placed */
    uint32_t heap_peak;            /* most bytes of malloc's region ever in use */
    uint32_t stack_size;           /* bytes of C stack; 0 where the operating system grows it */
    uint32_t stack_peak;           /* most bytes of it ever in use */
};

void port_stats(struct port_stats *stats);

/* Lowest address that the C stack may reach; NULL where the operating system guards it. */
const void *port_stack_limit(void);

#endif
