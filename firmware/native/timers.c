/*
 * timers.c: one-shot timers, sorted by when they are due. A handle is the timer's place and the count of its
 * uses, so that clearing a timer that has fired touches no later one.
 */
#include "runtime.h"

#define NONE UINT8_MAX
_Static_assert(TIMERS_MAX < NONE, "places are 8 bits: at most 254 timers");

/* Later than any camera runs, and far from overflow. */
#define DELAY_MAX_MS 1e12

struct timer {
    uint64_t due_us;
    txSlot callback;
    uint32_t uses; /* of this place; odd while it is set */
    uint8_t next;
};

static struct timer timers[TIMERS_MAX];
static uint8_t first_due = NONE;
static uint8_t first_free;

void timers_start(txMachine *the) {
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        root_add(the, &timers[i].callback);
        timers[i].next = i + 1 < TIMERS_MAX ? (uint8_t)(i + 1) : NONE;
    }
}

uint64_t timers_next(void) {
    return first_due == NONE ? PORT_NEVER : timers[first_due].due_us;
}

static void release(uint8_t place) {
    struct timer *timer = &timers[place];
    root_clear(&timer->callback);
    timer->uses++;
    timer->next = first_free;
    first_free = place;
}

void native_timerSet(txMachine *the) {
    txSlot *callback = native_function(the, 0, "callback");
    double delay_ms = fxToNumber(the, native_argument(the, 1));
    if (first_free == NONE)
        mxRangeError("timerSet: more than %d timers at once", TIMERS_MAX);
    uint8_t place = first_free;
    struct timer *timer = &timers[place];
    first_free = timer->next;
    if (!(delay_ms > 0))
        delay_ms = 0;
    if (delay_ms > DELAY_MAX_MS)
        delay_ms = DELAY_MAX_MS;
    timer->due_us = port_clock_us() + (uint64_t)(delay_ms * 1000 + 0.999);
    timer->uses++;
    root_set(&timer->callback, callback);
    /* Behind those that are due at the same time: first set, first called. */
    uint8_t *link = &first_due;
    while (*link != NONE && timers[*link].due_us <= timer->due_us)
        link = &timers[*link].next;
    timer->next = *link;
    *link = place;
    mxResult->kind = XS_INTEGER_KIND;
    mxResult->value.integer = (txInteger)((timer->uses & 0x3fffff) << 8 | place);
}

void native_timerClear(txMachine *the) {
    uint32_t handle = native_unsigned(the, 0, "handle", INT32_MAX);
    uint8_t place = (uint8_t)handle;
    if (place >= TIMERS_MAX || (timers[place].uses & 0x3fffff) != handle >> 8 || !(timers[place].uses & 1))
        return;
    uint8_t *link = &first_due;
    while (*link != place)
        link = &timers[*link].next;
    *link = timers[place].next;
    release(place);
}

void timers_run(txMachine *the) {
    uint64_t now = port_clock_us();
    /* Those that callbacks set meanwhile are due later than now, so this ends. */
    while (first_due != NONE && timers[first_due].due_us <= now) {
        uint8_t place = first_due;
        txSlot callback = timers[place].callback;
        first_due = timers[place].next;
        release(place);
        loop_call(the, "timer callback", &callback, NULL, NULL);
    }
}
