/*
 * counter_mps.c: counts on the MPS boards. Under -icount shift=0 an instruction takes 1 ns of guest time,
 * which a counter of the board measures that runs from reset.
 */
#include "counter.h"

#include <string.h>

#include "chip_lines.h"
#include "internal.h"
#include "profile.h"
#include "runtime.h"

#ifdef COUNTER_MPS3
/* The low word of the SSE-300's counter: 32 MHz, a tick is 31.25 instructions. */
#define COUNTER TIMER_ALARM->count_low
#else
/* COUNTER of the FPGA (Arm DAI0500, table 4-13): 25 MHz. */
#define COUNTER REGISTER(0x40028018)
#endif
#define INSTRUCTIONS_PER_US 1000

static struct {
    bool everything;
    bool open;
    uint32_t start;
    uint64_t asleep_us; /* at the start, when everything counts */
    uint32_t excluded;  /* ticks of this window that belong to receive interrupts and to collections */
    uint64_t ticks;
    uint32_t collection_start;
    uint64_t collections; /* their ticks, in windows and outside */
} counter;

/* Walks the stack's paint, so it stays outside of windows. */
static uint64_t asleep_us(void) {
    struct port_stats stats;
    port_stats(&stats);
    return stats.asleep_us;
}

void counter_reset(bool everything) {
    counter.everything = everything;
    counter.open = false;
    counter.ticks = 0;
    counter.collections = 0;
}

void counter_open(void) {
    counter.asleep_us = counter.everything ? asleep_us() : 0;
    counter.excluded = 0;
    counter.open = true;
    counter.start = COUNTER;
}

void counter_close(void) {
    uint32_t now = COUNTER;
    counter.open = false;
    counter.ticks += now - counter.start - counter.excluded;
    if (counter.everything)
        counter.ticks -= (asleep_us() - counter.asleep_us) * TICKS_PER_US;
}

/* Interrupts in its middle belong to it: there are few. */
void counter_collection_begin(const char *figure) {
    (void)figure;
    counter.collection_start = COUNTER;
}

void counter_collection_end(const char *figure) {
    (void)figure;
    uint32_t ticks = COUNTER - counter.collection_start;
    counter.collections += ticks;
    if (counter.open)
        counter.excluded += ticks;
}

void counter_report(const char *figure, unsigned windows) {
    unsigned instructions = (unsigned)COUNTER_INSTRUCTIONS(counter.ticks);
    unsigned collections = (unsigned)COUNTER_INSTRUCTIONS(counter.collections);
    console_line(CONSOLE_INFO, "bench: %s windows %u instructions %u collections %u", figure, windows,
                 instructions, collections);
}

/* ---- from reset ---- */

static uint32_t reset_ticks;
/* Of them, those that passed until a modelled chip in another process had answered. */
static uint32_t lines_ticks;

void __real_memory_init(void);
void __wrap_memory_init(void);

/*
 * Called right after startup() has filled .data and .bss, and before anything has changed them. QEMU's time
 * may run before the first instruction, so the count starts here, and they are filled once more in its stead.
 */
void __wrap_memory_init(void) {
#ifdef COUNTER_MPS3
    COUNTER_CONTROL = COUNTER_ENABLE;
#endif
    uint32_t filled = COUNTER;
    memcpy(board_data_start, board_data_load, (size_t)(board_data_end - board_data_start));
    memset(board_bss_start, 0, (size_t)(board_bss_end - board_bss_start));
    /* The second filling stands for the first, which came before the count. */
    reset_ticks = filled;
    __real_memory_init();
    profile_reset();
    profile_open();
}

uint32_t counter_since_reset(void) {
    uint32_t ticks = COUNTER - reset_ticks - lines_ticks;
    return (uint32_t)(COUNTER_INSTRUCTIONS(ticks) - asleep_us() * INSTRUCTIONS_PER_US);
}

uint32_t __real_chip_lines_request(enum chip_line line, uint32_t value);
uint32_t __wrap_chip_lines_request(enum chip_line line, uint32_t value);

uint32_t __wrap_chip_lines_request(enum chip_line line, uint32_t value) {
    uint32_t start = COUNTER;
    uint32_t answer = __real_chip_lines_request(line, value);
    lines_ticks += COUNTER - start;
    return answer;
}

void __real_hci_rx_interrupt(void);
void __wrap_hci_rx_interrupt(void);

/*
 * How many bytes one interrupt finds depends on when QEMU reads its socket. What a window counts must not,
 * unless it counts everything.
 */
void __wrap_hci_rx_interrupt(void) {
    uint32_t start = COUNTER;
    __real_hci_rx_interrupt();
    uint32_t ticks = COUNTER - start;
    if (counter.open && !counter.everything)
        counter.excluded += ticks;
    profile_interrupt(ticks);
}

uint32_t counter_ticks(void) {
    return COUNTER;
}
