/*
 * clock.c: 64-bit time from a 32-bit timer, and the one-shot alarm from a second one.
 *
 * The clock timer runs freely and wraps every 171.8 s; its interrupt makes sure that somebody reads it at
 * least once in that time, which is all that the extension to 64 bits needs.
 */
#include "internal.h"

#define NEVER UINT64_MAX

static uint32_t wraps, last;
static uint64_t alarm_ticks = NEVER;
static uint64_t housekeeping_ticks = NEVER;

void clock_init(void) {
    TIMER_CLOCK->control = 0;
    TIMER_CLOCK->reload = UINT32_MAX;
    TIMER_CLOCK->value = UINT32_MAX;
    TIMER_CLOCK->interrupt = 1;
    TIMER_CLOCK->control = TIMER_CONTROL_ENABLE | TIMER_CONTROL_INTERRUPT;
    TIMER_ALARM->control = 0;
    TIMER_ALARM->interrupt = 1;
    interrupt_enable(INTERRUPT_TIMER_CLOCK);
    interrupt_enable(INTERRUPT_TIMER_ALARM);
}

uint64_t clock_ticks(void) {
    uint32_t state = interrupts_mask();
    uint32_t now = UINT32_MAX - TIMER_CLOCK->value;
    if (now < last)
        wraps++;
    last = now;
    uint64_t ticks = (uint64_t)wraps << 32 | now;
    interrupts_restore(state);
    return ticks;
}

uint64_t port_clock_us(void) {
    return clock_ticks() / TICKS_PER_US;
}

/* Starts the timer for whichever comes first. Interrupts are masked. */
static void arm(void) {
    uint64_t next = alarm_ticks < housekeeping_ticks ? alarm_ticks : housekeeping_ticks;

    TIMER_ALARM->control = 0;
    TIMER_ALARM->interrupt = 1;
    if (next == NEVER)
        return;
    uint64_t now = clock_ticks();
    uint64_t delay = next > now ? next - now : 1;
    /* Longer than the timer can count: the clock's own wrap wakes us in time to arm again. */
    if (delay > UINT32_MAX)
        return;
    TIMER_ALARM->reload = UINT32_MAX;
    TIMER_ALARM->value = (uint32_t)delay;
    TIMER_ALARM->control = TIMER_CONTROL_ENABLE | TIMER_CONTROL_INTERRUPT;
}

void clock_housekeeping_set(uint64_t ticks) {
    uint32_t state = interrupts_mask();
    housekeeping_ticks = ticks;
    arm();
    interrupts_restore(state);
}

void port_alarm_set(uint64_t at_us) {
    uint64_t at = at_us > NEVER / TICKS_PER_US ? NEVER : at_us * TICKS_PER_US;
    uint32_t state = interrupts_mask();

    events_withdraw(PORT_EVENT_ALARM);
    if (at != NEVER && at <= clock_ticks()) {
        at = NEVER;
        port_event_post(PORT_EVENT_ALARM);
    }
    if (at != alarm_ticks) {
        alarm_ticks = at;
        arm();
    }
    interrupts_restore(state);
}

/* Hands out what is due and arms the timer for the rest. */
static void expire(void) {
    uint64_t now = clock_ticks();

    if (now >= housekeeping_ticks) {
        housekeeping_ticks = NEVER;
        events_wake_reason(WAKE_HOUSEKEEPING);
    }
    if (now >= alarm_ticks) {
        alarm_ticks = NEVER;
        port_event_post(PORT_EVENT_ALARM);
    }
    arm();
}

void clock_interrupt(void) {
    TIMER_CLOCK->interrupt = 1;
    events_wake_reason(WAKE_HOUSEKEEPING);
    expire();
}

void alarm_interrupt(void) {
    TIMER_ALARM->interrupt = 1;
    expire();
}
