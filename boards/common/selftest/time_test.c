/* Clock, alarm, events, sleep. */
#include "check.h"
#include "tests.h"
#include "port.h"

/* Waits for any of `events`; returns what came, or 0 after `limit_us`. Uses the alarm. */
static uint32_t wait_for(uint32_t events, uint64_t limit_us) {
    uint64_t limit = port_clock_us() + limit_us;
    port_alarm_set(limit);
    for (;;) {
        uint32_t came = port_event_wait();
        if (came & events)
            return came;
        if (port_clock_us() >= limit)
            return 0;
    }
}

/*
 * Sets one alarm and then another in its place. A computer that is busy may stop the board in between until
 * the first has come, which proves nothing: tries again, with more time.
 */
static void replace_alarm(uint64_t at_us) {
    for (uint64_t delay_us = 1000;; delay_us *= 2) {
        uint64_t first = port_clock_us() + delay_us;
        port_alarm_set(first);
        port_alarm_set(at_us);
        if (port_clock_us() < first)
            return;
        /* Takes away what has come. */
        port_event_post(PORT_EVENT_POST);
        port_event_wait();
    }
}

/*
 * Counts the wake-ups of an idle wait. What a busy computer stops for all of the wait does not sleep, and is
 * no wake-up: waits again, longer.
 */
static uint32_t idle_wakeups(struct port_stats *after, bool *woken) {
    struct port_stats before;
    uint32_t wakeups = 0;
    for (uint64_t limit_us = 50000; wakeups == 0 && limit_us < 10000000; limit_us *= 2) {
        port_stats(&before);
        *woken = wait_for(PORT_EVENT_POST, limit_us) != 0;
        port_stats(after);
        wakeups =
            after->wakeups - before.wakeups - (after->wakeups_housekeeping - before.wakeups_housekeeping);
    }
    return wakeups;
}

void test_clock(void) {
    uint64_t last = port_clock_us();
    bool monotonic = true, moved = false;

    for (int i = 0; i < 20000; i++) {
        uint64_t now = port_clock_us();
        monotonic = monotonic && now >= last;
        moved = moved || now > last;
        last = now;
    }
    check(monotonic, "the clock never goes back");
    check(moved, "the clock moves");
}

void test_events(void) {
    port_event_post(PORT_EVENT_POST);
    check(port_event_wait() == PORT_EVENT_POST, "a posted event ends the wait at once");

    uint64_t at = port_clock_us() + 20000;
    port_alarm_set(at);
    check(port_event_wait() == PORT_EVENT_ALARM, "the alarm ends the wait, and events are cleared by it");
    check(port_clock_us() >= at, "the alarm does not come early");

    bool early = false;
    for (uint32_t delay_us = 0; delay_us < 200; delay_us++) {
        at = port_clock_us() + delay_us;
        port_alarm_set(at);
        while (!(port_event_wait() & PORT_EVENT_ALARM))
            ;
        early = early || port_clock_us() < at;
    }
    check(!early, "alarms 0 to 199 microseconds away come, and none comes early");

    port_alarm_set(0);
    check(port_event_wait() == PORT_EVENT_ALARM, "an alarm in the past comes at once");

    at = port_clock_us() + 1000000;
    replace_alarm(at);
    while (!(port_event_wait() & PORT_EVENT_ALARM))
        ;
    check(port_clock_us() >= at, "a new alarm replaces the old one");

    replace_alarm(PORT_NEVER);
    uint64_t until = port_clock_us() + 20000;
    while (port_clock_us() < until)
        ;
    port_event_post(PORT_EVENT_POST);
    check(port_event_wait() == PORT_EVENT_POST, "PORT_NEVER cancels the alarm");

    struct port_stats before, after;
    bool woken;
    port_stats(&before);
    uint32_t wakeups = idle_wakeups(&after, &woken);
    check(!woken, "nothing but the alarm wakes an idle board");
    check(wakeups == 1, "an idle wait is one wake-up");
    check(after.asleep_us > before.asleep_us, "sleep is accounted for");
    check(after.asleep_deep_us == 0 ||
              after.asleep_deep_us - before.asleep_deep_us == after.asleep_us - before.asleep_us,
          "with the UART closed it is deep");
    check(after.stack_size == 0 || (after.stack_peak > 0 && after.stack_peak < after.stack_size),
          "the stack's high-water mark is within the stack");
}

void test_long_sleep(uint32_t seconds) {
    uint64_t start = port_clock_us(), at = start + (uint64_t)seconds * 1000000;

    port_alarm_set(at);
    while (!(port_event_wait() & PORT_EVENT_ALARM))
        ;
    uint64_t now = port_clock_us();
    check(now >= at, "a long sleep ends by its alarm, not before");
    check(now < at + 10000000, "the clock does not jump during a long sleep");
}

void test_watchdog_sleep(uint32_t period_ms) {
    uint64_t at = port_clock_us() + (uint64_t)period_ms * 3000;

    port_alarm_set(at);
    while (!(port_event_wait() & PORT_EVENT_ALARM))
        ;
    check(port_clock_us() >= at, "a sleep longer than the watchdog's period is not a hang");

    at = port_clock_us() + (uint64_t)period_ms * 2000;
    while (port_clock_us() < at)
        port_watchdog_feed();
    check(true, "work that feeds the watchdog is not a hang");
}
