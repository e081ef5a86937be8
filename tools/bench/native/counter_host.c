/* Callgrind counts while its switch is on; each figure ends in a dump of its own, named after it. */
#include "counter.h"

#include <valgrind/callgrind.h>

#include "runtime.h"

static bool open;

static void turn(bool on) {
    if (open != on)
        CALLGRIND_TOGGLE_COLLECT;
    open = on;
}

void counter_reset(bool everything) {
    (void)everything;
    turn(false);
    CALLGRIND_ZERO_STATS;
}

void counter_open(void) {
    turn(true);
}

void counter_close(void) {
    turn(false);
}

void counter_report(const char *figure, unsigned windows) {
    CALLGRIND_DUMP_STATS_AT(figure);
    console_line(CONSOLE_INFO, "bench: %s windows %u instructions 0", figure, windows);
}

uint32_t counter_since_reset(void) {
    return 0;
}

uint32_t counter_ticks(void) {
    return 0;
}
