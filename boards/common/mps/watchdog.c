/*
 * watchdog.c: the CMSDK watchdog. Its first time-out raises the NMI, which says where the program hung and
 * resets; should even that hang, the second time-out resets in hardware.
 *
 * It runs during sleep. Who sleeps is not hanging, so port_event_wait feeds it, waking in time.
 */
#include "internal.h"

static uint64_t period_ticks; /* 0: not started */
static uint64_t fed_ticks;
static uint64_t wake_ticks; /* when the housekeeping alarm rings */

void port_watchdog_start(uint32_t period_ms) {
    uint64_t most_ms = UINT64_C(1000) * UINT32_MAX / WATCHDOG_CLOCK_HZ;
    if (period_ms > most_ms)
        period_ms = (uint32_t)most_ms;
    WATCHDOG->lock = WATCHDOG_UNLOCK;
    WATCHDOG->load = (uint32_t)((uint64_t)period_ms * WATCHDOG_CLOCK_HZ / 1000);
    WATCHDOG->control = WATCHDOG_CONTROL_INTERRUPT | WATCHDOG_CONTROL_RESET;
    WATCHDOG->lock = 0;
    period_ticks = (uint64_t)period_ms * 1000 * TICKS_PER_US;
    fed_ticks = clock_ticks();
    wake_ticks = 0;
}

void port_watchdog_feed(void) {
    if (!period_ticks)
        return;
    WATCHDOG->lock = WATCHDOG_UNLOCK;
    WATCHDOG->clear = 1;
    WATCHDOG->lock = 0;
    fed_ticks = clock_ticks();
}

void watchdog_before_sleep(void) {
    if (!period_ticks)
        return;
    uint64_t now = clock_ticks();
    /* Fed and armed a moment ago: busy times do not pay for it at every sleep. */
    if (now < wake_ticks && now - fed_ticks < period_ticks / 4)
        return;
    port_watchdog_feed();
    wake_ticks = fed_ticks + period_ticks / 4 * 3;
    clock_housekeeping_set(wake_ticks);
}

void watchdog_interrupt(uint32_t pc, uint32_t lr) {
    console_printf("watchdog: not fed for %u ms, pc=%08x lr=%08x\n",
                   (unsigned)(period_ticks / (1000 * TICKS_PER_US)), (unsigned)pc, (unsigned)lr);
    reset_because(PORT_RESET_WATCHDOG);
}
