/*
 * Callgrind counts while its switch is on. What it has counted goes into a dump: of a figure, named after it,
 * at its end and before each collection; of a collection, with COLLECTION before the name.
 */
#include "counter.h"

#include <valgrind/callgrind.h>

#include "runtime.h"

#define COLLECTION "collection:"

static bool counting;
static bool open;

static void turn(bool on) {
    if (counting != on)
        CALLGRIND_TOGGLE_COLLECT;
    counting = on;
}

void counter_reset(bool everything) {
    (void)everything;
    turn(open = false);
    CALLGRIND_ZERO_STATS;
}

void counter_open(void) {
    turn(open = true);
}

void counter_close(void) {
    turn(open = false);
}

void counter_collection_begin(const char *figure) {
    turn(false);
    CALLGRIND_DUMP_STATS_AT(figure);
    turn(true);
}

void counter_collection_end(const char *figure) {
    char name[64];
    turn(false);
    snprintf(name, sizeof name, COLLECTION "%s", figure);
    CALLGRIND_DUMP_STATS_AT(name);
    turn(open);
}

void counter_report(const char *figure, unsigned windows) {
    CALLGRIND_DUMP_STATS_AT(figure);
    console_line(CONSOLE_INFO, "bench: %s windows %u instructions 0 collections 0", figure, windows);
}

uint32_t counter_since_reset(void) {
    return 0;
}

uint32_t counter_ticks(void) {
    return 0;
}
