/* alarm.c: the one-shot alarm of the port and the watchdog's housekeeping, on the one timer of a board's
 * clock.c. */
#include "internal.h"

static uint64_t alarm_ticks = CLOCK_NEVER;
static uint64_t housekeeping_ticks = CLOCK_NEVER;

uint64_t port_clock_us(void) {
    return clock_ticks() / TICKS_PER_US;
}

/* Sets the timer to whichever comes first. Interrupts are masked. */
static void arm(void) {
    clock_alarm_at(alarm_ticks < housekeeping_ticks ? alarm_ticks : housekeeping_ticks);
}

void clock_housekeeping_set(uint64_t ticks) {
    uint32_t state = interrupts_mask();
    housekeeping_ticks = ticks;
    arm();
    interrupts_restore(state);
}

void port_alarm_set(uint64_t at_us) {
    uint64_t at = at_us > CLOCK_NEVER / TICKS_PER_US ? CLOCK_NEVER : at_us * TICKS_PER_US;
    uint32_t state = interrupts_mask();

    events_withdraw(PORT_EVENT_ALARM);
    if (at != CLOCK_NEVER && at <= clock_ticks()) {
        at = CLOCK_NEVER;
        port_event_post(PORT_EVENT_ALARM);
    }
    if (at != alarm_ticks) {
        alarm_ticks = at;
        arm();
    }
    interrupts_restore(state);
}

void alarm_expire(void) {
    uint64_t now = clock_ticks();

    if (now >= housekeeping_ticks) {
        housekeeping_ticks = CLOCK_NEVER;
        events_wake_reason(WAKE_HOUSEKEEPING);
    }
    if (now >= alarm_ticks) {
        alarm_ticks = CLOCK_NEVER;
        port_event_post(PORT_EVENT_ALARM);
    }
    arm();
}
