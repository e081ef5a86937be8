/*
 * internal.h: what the files of an MPS board share, common ones and its own. Nothing outside of
 * them includes it.
 */
#ifndef MPS_INTERNAL_H
#define MPS_INTERNAL_H

#include "port.h"
#include "registers.h"

/* ---- interrupts ---- */

/* Masks interrupts; returns what interrupts_restore needs. Nests. */
static inline uint32_t interrupts_mask(void) {
    uint32_t state;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(state) : : "memory");
    return state;
}

static inline void interrupts_restore(uint32_t state) {
    __asm__ volatile("msr primask, %0" : : "r"(state) : "memory");
}

static inline void interrupt_enable(enum interrupt_number number) {
    NVIC_ISER(number / 32) = 1u << number % 32;
}

void console_rx_interrupt(void);
void hci_rx_interrupt(void);
void hci_tx_interrupt(void);
void lines_rx_interrupt(void); /* of a modelled controller */
void clock_interrupt(void);    /* where the clock's counter wraps */
void alarm_interrupt(void);
void watchdog_interrupt(uint32_t pc, uint32_t lr) __attribute__((noreturn));
void unexpected_interrupt(void);
void reset_handler(void);
void hard_fault_handler(void);
void nmi_handler(void);

/* ---- clock.c, of each board ---- */

void clock_init(void);

/* TICKS_PER_US of the board's clock since start, 64 bits. IRQ. */
uint64_t clock_ticks(void);

#define CLOCK_NEVER UINT64_MAX

/* alarm_expire runs once, at or after `ticks`, unless this is called again before. IRQ, interrupts masked. */
void clock_alarm_at(uint64_t ticks);

/* ---- alarm.c ---- */

/* Hands out what is due and sets the timer for the rest; from the interrupts of clock.c. IRQ. */
void alarm_expire(void);

/* Wakes the processor at or after `ticks`, for the watchdog's sake, without posting an event. */
void clock_housekeeping_set(uint64_t ticks);

/* ---- events.c ---- */

/* Why the processor woke, collected by the interrupt handlers. */
enum wake_reason {
    WAKE_HOUSEKEEPING = 1u << 0,
    WAKE_WORK = 1u << 1,
};

void events_wake_reason(enum wake_reason reason);

/* Sleeps as deep as the core knows, with clocks stopped that only the UART needs, or as usual again. */
void events_sleep_deep(bool deep);

/* Takes an event back that has not been returned yet. */
void events_withdraw(uint32_t events);

/* ---- console.c ---- */

void console_init(void);
/* Waits until the last character has left, a second at most: a reset would take it along. IRQ. */
void console_finish(void);

/* A line of printf's %s, %u, %08x only; works without a heap and with little stack. IRQ. */
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- protection.c, memory.c, radio.c, random.c, rom.c ---- */

/* The controller is a modelled one that has to be brought up: its lines are on UART2. */
void radio_lines_init(void);

/* The public address that was assigned to the device, 12 hexadecimal digits. False when it is no such text.
 */
bool radio_assign(const char *text);

/* uart.c: forgets what is queued for the controller. */
void uart_drop(void);

/* Arms the guard of the stack, and protects the flash from writes. */
void protection_init(void);
/* Lets the program write where flash is, for rom.c. */
void protection_lift_from_flash(void);
void memory_init(void);
void memory_stats(struct port_stats *stats);

/* Seeds the generator: `seed` is 64 hexadecimal digits. False when it is not. */
bool random_seed(const char *seed);

/* Has port_rom_preload return true, and port_rom_save write this file of the host. */
void rom_preload_into(const char *file);

/* ---- reset.c ---- */

void reset_init(void);

/* How many times this device has started since power-on; the first start counts 1. */
uint32_t reset_count(void);

/* Restarts, and is remembered as `cause`. IRQ. */
void reset_because(enum port_reset_cause cause) __attribute__((noreturn));

/* ---- semihosting.c ---- */

/*
 * Finds out whether someone answers semihosting calls; without anyone the others do nothing. A call that
 * nobody answers faults, and the fault handler steps over it, so this works in thread mode only.
 */
void semihosting_init(void);

/* The break point of every call, for the fault handler. */
extern const char semihosting_breakpoint[];

/* The command line, ended by a zero byte. False when there is none, or it does not fit. */
bool semihosting_command_line(char *line, uint32_t size);

/* Creates or replaces a file of the host. */
bool semihosting_write_file(const char *name, const void *bytes, uint32_t length);

/* Ends QEMU with this exit status. Returns only when nobody listens. */
void semihosting_exit(int status);

/* ---- flash.c ---- */

/* Ends QEMU in the middle of this operation of flash, counted from 1 at power-on, as if the supply went; 0
 * never. */
void flash_cut_at(uint32_t operation);

/* ---- watchdog.c ---- */

/* Feeds the watchdog, when it runs, and makes sure that a sleep does not outlast it. */
void watchdog_before_sleep(void);

/* ---- symbols of linker.ld ---- */

extern uint8_t board_application[], board_application_size[], board_state[];
extern uint8_t board_patch[], board_patch_size[];
extern uint8_t board_rom[], board_rom_size[];
extern uint8_t board_leaves[], board_leaves_size[];
extern const uint8_t board_build_id[];
extern uint8_t board_guard[], board_guard_size[], board_stack_limit[], board_stack_size[], board_stack_top[];
extern uint8_t board_fault_stack_top[];
extern uint8_t board_data_start[], board_data_end[], board_data_load[], board_bss_start[], board_bss_end[];
extern uint8_t board_heap_start[], board_heap_end[], board_ram_start[];

#endif
