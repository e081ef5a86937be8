/*
 * events.c: the one place where the processor sleeps.
 *
 * Interrupts are masked from the look at `pending` until after WFI: an interrupt that comes in between still
 * ends WFI (it wakes on pending interrupts, masked or not), and its handler runs when the mask is lifted. So
 * no event can slip between the look and the sleep.
 */
#include "internal.h"

static volatile uint32_t pending, reasons;
/* QEMU keeps no SLEEPDEEP: it always reads as zero. */
static bool is_deep;
static uint64_t asleep_ticks, asleep_deep_ticks;
static uint32_t wakeups, wakeups_housekeeping;

void port_event_post(uint32_t events) {
    uint32_t state = interrupts_mask();
    pending |= events;
    reasons |= WAKE_WORK;
    interrupts_restore(state);
}

void events_withdraw(uint32_t events) {
    uint32_t state = interrupts_mask();
    pending &= ~events;
    interrupts_restore(state);
}

void events_wake_reason(enum wake_reason reason) {
    uint32_t state = interrupts_mask();
    reasons |= reason;
    interrupts_restore(state);
}

void events_sleep_deep(bool deep) {
    is_deep = deep;
    SCB_SCR = deep ? SCB_SCR | SCR_SLEEPDEEP : SCB_SCR & ~SCR_SLEEPDEEP;
}

static void sleep_once(void) {
    uint64_t start = clock_ticks();

    reasons = 0;
    __asm__ volatile("dsb\n\twfi" : : : "memory");
    uint64_t slept = clock_ticks() - start;
    asleep_ticks += slept;
    if (is_deep)
        asleep_deep_ticks += slept;
    wakeups++;
    /* The handlers run between these two. */
    __asm__ volatile("cpsie i\n\tisb\n\tcpsid i" : : : "memory");
    if (reasons == WAKE_HOUSEKEEPING)
        wakeups_housekeeping++;
}

uint32_t port_event_wait(void) {
    uint32_t state = interrupts_mask();

    while (!pending) {
        watchdog_before_sleep();
        /* Feeding may have found the alarm due. */
        if (!pending)
            sleep_once();
    }
    uint32_t events = pending;
    pending = 0;
    interrupts_restore(state);
    return events;
}

void port_stats(struct port_stats *stats) {
    stats->asleep_us = asleep_ticks / TICKS_PER_US;
    stats->asleep_deep_us = asleep_deep_ticks / TICKS_PER_US;
    stats->wakeups = wakeups;
    stats->wakeups_housekeeping = wakeups_housekeeping;
    memory_stats(stats);
}
