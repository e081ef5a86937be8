/*
 * clock.c: 64-bit time from a 32-bit timer; a second timer wakes the processor once.
 *
 * The clock timer runs freely and wraps every 171.8 s; its interrupt makes sure that somebody reads it at
 * least once in that time, which is all that the extension to 64 bits needs.
 */
#include "internal.h"

static uint32_t wraps, last;

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

void clock_alarm_at(uint64_t ticks) {
    TIMER_ALARM->control = 0;
    TIMER_ALARM->interrupt = 1;
    if (ticks == CLOCK_NEVER)
        return;
    uint64_t now = clock_ticks();
    uint64_t delay = ticks > now ? ticks - now : 1;
    /* Longer than the timer can count: the clock's own wrap wakes us in time to arm again. */
    if (delay > UINT32_MAX)
        return;
    TIMER_ALARM->reload = UINT32_MAX;
    TIMER_ALARM->value = (uint32_t)delay;
    TIMER_ALARM->control = TIMER_CONTROL_ENABLE | TIMER_CONTROL_INTERRUPT;
}

void clock_interrupt(void) {
    TIMER_CLOCK->interrupt = 1;
    events_wake_reason(WAKE_HOUSEKEEPING);
    alarm_expire();
}

void alarm_interrupt(void) {
    TIMER_ALARM->interrupt = 1;
    alarm_expire();
}
