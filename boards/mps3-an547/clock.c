/* clock.c: time and the one-shot alarm, by the 64-bit counter of the SSE-300 and a timer that compares with
 * it. */
#include "internal.h"

#define NEVER UINT64_MAX

/*
 * Ticks after which a whole number of nanoseconds has passed. QEMU rounds the time of another tick down,
 * where the counter does not stand at it yet: under -icount with sleep=off the alarm would never ring.
 */
#define WHOLE_TICKS 4u

static uint64_t alarm_ticks = NEVER;
static uint64_t housekeeping_ticks = NEVER;

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

uint64_t port_clock_us(void) {
    return clock_ticks() / TICKS_PER_US;
}

/* Sets the timer to whichever comes first. Interrupts are masked. */
static void arm(void) {
    uint64_t next = alarm_ticks < housekeeping_ticks ? alarm_ticks : housekeeping_ticks;

    TIMER_ALARM->control = 0;
    if (next == NEVER)
        return;
    TIMER_ALARM->compare_low = (uint32_t)next;
    TIMER_ALARM->compare_high = (uint32_t)(next >> 32);
    TIMER_ALARM->control = TIMER_CONTROL_ENABLE;
}

void clock_housekeeping_set(uint64_t ticks) {
    uint32_t state = interrupts_mask();
    housekeeping_ticks = (ticks + WHOLE_TICKS - 1) / WHOLE_TICKS * WHOLE_TICKS;
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

void alarm_interrupt(void) {
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
