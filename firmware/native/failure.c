/*
 * failure.c: what happens when JavaScript cannot go on. Every such end says what and where on the console and
 * resets with cause "fault". The next start pauses, longer with each failure in a row, so that a camera that
 * fails at once does not drain its battery in a reset loop; a hard fault and the watchdog count as well. An
 * application that ended because the Bluetooth controller was lost, or cannot work, has not failed: such
 * restarts have a count of their own, which only makes the pauses longer.
 */
#include <stdarg.h>

#include "heap.h"
#include "runtime.h"
#include "stack.h"

#define FAILURE_MAGIC 0x4f424632u
#define PAUSE_FIRST_MS 250u
#define PAUSE_MAX_MS 64000u
#define HEALTHY_AFTER_US UINT64_C(60000000)

/* In port_retained. */
struct failure_record {
    uint32_t magic;
    uint32_t in_a_row;
    uint32_t controller_in_a_row;
    uint32_t is_of_controller; /* what the restart that follows is for */
};

static uint64_t healthy_at = PORT_NEVER;
static bool was_of_controller;

static struct failure_record *record(void) {
    struct failure_record *record = port_retained();
    if (record->magic != FAILURE_MAGIC)
        *record = (struct failure_record){.magic = FAILURE_MAGIC};
    return record;
}

void failure_boot(void) {
    struct failure_record *failures = record();
    enum port_reset_cause cause = port_reset_cause();
    was_of_controller = cause == PORT_RESET_FAULT && failures->is_of_controller;
    failures->is_of_controller = false;
    if (cause != PORT_RESET_FAULT && cause != PORT_RESET_WATCHDOG) {
        *failures = (struct failure_record){.magic = FAILURE_MAGIC};
        return;
    }
    uint32_t *in_a_row = was_of_controller ? &failures->controller_in_a_row : &failures->in_a_row;
    uint32_t doublings = (*in_a_row)++;
    uint32_t pause_ms = doublings < 8 ? PAUSE_FIRST_MS << doublings : PAUSE_MAX_MS;
    console_line(CONSOLE_WARNING, "restarted after a %s, failure %u in a row: pausing %u ms",
                 was_of_controller           ? "loss of the Bluetooth controller"
                 : cause == PORT_RESET_FAULT ? "fault"
                                             : "watchdog reset",
                 (unsigned)*in_a_row, (unsigned)pause_ms);
    uint64_t until = port_clock_us() + (uint64_t)pause_ms * 1000;
    while (port_clock_us() < until) {
        port_alarm_set(until);
        port_event_wait();
    }
    healthy_at = port_clock_us() + HEALTHY_AFTER_US;
}

unsigned failure_count(void) {
    return record()->in_a_row;
}

void failure_is_of_controller(void) {
    record()->is_of_controller = true;
}

bool failure_was_of_controller(void) {
    return was_of_controller;
}

void failure_forget(void) {
    record()->in_a_row = 0;
}

uint64_t failure_healthy_at(void) {
    return healthy_at;
}

void failure_healthy(void) {
    *record() = (struct failure_record){.magic = FAILURE_MAGIC};
    healthy_at = PORT_NEVER;
}

void failure_fatal(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    console_text(CONSOLE_FATAL, line);
    port_panic();
}

/* While nobody has connected, what fills the heap is most likely the program itself. */
static void describe_full_heap(txMachine *the, char *line, size_t size) {
    struct heap_figures heap;
    heap_figures(&heap);
    int begun = 0;
    if (application_starting())
        begun = snprintf(line, size, "the application does not fit on this board: ");
    line += begun;
    size -= (size_t)begun;
    snprintf(line, size,
             "JavaScript heap full: %d of %d slots, %d of %d chunk bytes in use, and it cannot grow beyond "
             "%u bytes",
             (int)the->currentHeapCount, (int)the->maximumHeapCount, (int)the->currentChunksSize,
             (int)the->maximumChunksSize, (unsigned)heap.most);
}

/* The engine's last resort. Returns only where the engine and the camera can go on. */
void fxAbort(txMachine *the, int status) {
    char line[640];
    switch (status) {
    case XS_UNHANDLED_REJECTION_EXIT:
        console_exception(the, CONSOLE_ERROR, "unhandled rejection", &mxException);
        mxException = mxUndefined;
        return;
    case XS_UNHANDLED_EXCEPTION_EXIT:
        console_exception(the, CONSOLE_ERROR, "uncaught exception in a promise job", &mxException);
        mxException = mxUndefined;
        return;
    case XS_NOT_ENOUGH_MEMORY_EXIT:
        heap_refuse(the);
        describe_full_heap(the, line, sizeof line);
        break;
    case XS_STACK_OVERFLOW_EXIT:
        snprintf(line, sizeof line, "stack overflow: %d of %d slots of JavaScript stack in use",
                 (int)(the->stackTop - the->stack), (int)(the->stackTop - the->stackBottom));
        break;
    case XS_NO_MORE_KEYS_EXIT:
        snprintf(line, sizeof line, "too many different property names");
        break;
    case XS_DEAD_STRIP_EXIT:
        snprintf(line, sizeof line, "a part of the engine that this image leaves out was called");
        break;
    default:
        snprintf(line, sizeof line, "the engine gave up (status %d)", status);
    }
    stack_write_callers(the, line, sizeof line);
    console_text(CONSOLE_FATAL, line);
    port_panic();
}
