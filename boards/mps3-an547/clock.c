/* clock.c: time by the 64-bit counter of the SSE-300, and a timer that compares with it and wakes the
 * processor once. */
#include "internal.h"

/*
 * Ticks after which a whole number of nanoseconds has passed. QEMU rounds the time of another tick down,
 * where the counter does not stand at it yet: under -icount with sleep=off the alarm would never ring.
 */
#define WHOLE_TICKS 4u

void clock_init(void) {
    TIMER_ALARM->control = 0;
    COUNTER_CONTROL = COUNTER_ENABLE;
    interrupt_enable(INTERRUPT_TIMER_ALARM);
}

uint64_t clock_ticks(void) {
    uint32_t high, low;
    do {
        high = TIMER_ALARM->count_high;
        low = TIMER_ALARM->count_low;
    } while (high != TIMER_ALARM->count_high);
    return (uint64_t)high << 32 | low;
}

void clock_alarm_at(uint64_t ticks) {
    TIMER_ALARM->control = 0;
    if (ticks == CLOCK_NEVER)
        return;
    uint64_t whole = (ticks + WHOLE_TICKS - 1) / WHOLE_TICKS * WHOLE_TICKS;
    TIMER_ALARM->compare_low = (uint32_t)whole;
    TIMER_ALARM->compare_high = (uint32_t)(whole >> 32);
    TIMER_ALARM->control = TIMER_CONTROL_ENABLE;
}

void alarm_interrupt(void) {
    alarm_expire();
}
