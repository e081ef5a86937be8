/*
 * loop.c: the event loop. Sleeps until the board has an event, hands it to JavaScript, runs promise jobs and
 * due timers, sleeps again. Nothing here runs by a period: a camera with nothing to do executes nothing.
 *
 * Garbage is collected before sleeping when seven eighths of what the last collection left free are used up:
 * in a turn that has nothing else to do, where one comes soon, for peers wait for a collection or for what
 * came before it, not for both. The start leaves the most garbage: that is collected once the camera has been
 * quiet for a second, or by the engine when no slot is left before.
 *
 * The engine reports a rejection without a handler when the promise is garbage, which may be never. Here one
 * that had no handler for a second is reported, within another second, however busy the camera is.
 */
#include "heap.h"
#include "runtime.h"
#include "update.h"

#define QUIET_US UINT64_C(1000000)
/* A collection makes way for so many busy turns: an eighth of the heap is left for them. */
#define BUSY_TURNS 3
/* Parts of the heap in use, in eighths, with which a collection is due; and behind a turn that is long
 * anyway. */
#define MOSTLY 7
#define HALF 4
/* Between two looks at the rejections without a handler. */
#define REJECTIONS_US UINT64_C(1000000)

static struct {
    bool started;    /* the first collection of this file is done */
    bool wanted;     /* in the next turn that has nothing to do */
    bool soon;       /* at the end of this turn */
    unsigned before; /* collections before this turn */
    unsigned busy;   /* turns since then that had */
    uint64_t due_us; /* of the collection for quiet times; PORT_NEVER when there is no reason */
} collector = {.due_us = PORT_NEVER};
/* When to look at the rejections without a handler; PORT_NEVER while there are none. */
static uint64_t rejections_due_us = PORT_NEVER;
static uint64_t alarm_us = PORT_NEVER;

void root_add(txMachine *the, txSlot *slot) {
    slot->kind = XS_UNDEFINED_KIND;
    fxRemember(the, slot);
}

void root_set(txSlot *slot, const txSlot *value) {
    slot->kind = value->kind;
    slot->value = value->value;
}

void root_clear(txSlot *slot) {
    slot->kind = XS_UNDEFINED_KIND;
}

/*
 * Each rejected promise without a handler is two entries of the list: a weak reference to it, and its reason.
 * The first look marks it by the identifier of its first entry, which the engine leaves alone; the next
 * reports it. A handler that comes later still gets the reason.
 */
static void look_at_rejections(txMachine *the) {
    enum { SEEN = 1 };
    txSlot **address = &mxUnhandledPromises.value.reference->next;
    while (*address) {
        txSlot *promise = *address, *reason = promise->next;
        if (promise->ID != SEEN) {
            promise->ID = SEEN;
            address = &reason->next;
            continue;
        }
        *address = reason->next;
        mxException.value = reason->value;
        mxException.kind = reason->kind;
        fxAbort(the, XS_UNHANDLED_REJECTION_EXIT);
        /* What was called for the report may have changed the list. */
        address = &mxUnhandledPromises.value.reference->next;
    }
}

static void check_rejections(txMachine *the) {
    if (!mxUnhandledPromises.value.reference->next) {
        rejections_due_us = PORT_NEVER;
        return;
    }
    uint64_t now = port_clock_us();
    if (rejections_due_us <= now)
        look_at_rejections(the);
    else if (rejections_due_us != PORT_NEVER)
        return;
    rejections_due_us = mxUnhandledPromises.value.reference->next ? now + REJECTIONS_US : PORT_NEVER;
}

void loop_run_jobs(txMachine *the) {
    while (the->promiseJobsPending) {
        the->promiseJobsPending = 0;
        fxRunPromiseJobs(the);
        fxEndJob(the);
        check_rejections(the);
    }
}

void loop_call(txMachine *the, const char *what, const txSlot *function, push_arguments push,
               const void *data) {
    if (function->kind != XS_REFERENCE_KIND)
        return;
    fxBeginHost(the);
    {
        mxTry(the) {
            mxPushUndefined();
            mxPushReference(function->value.reference);
            mxCall();
            mxRunCount(push ? push(the, data) : 0);
            mxPop();
        }
        mxCatch(the) {
            console_exception(the, CONSOLE_ERROR, what, &mxException);
            mxException = mxUndefined;
        }
    }
    fxEndHost(the);
    loop_run_jobs(the);
}

void loop_collect_soon(void) {
    collector.soon = true;
}

static void collect(txMachine *the) {
    fxBeginHost(the);
    heap_collect(the);
    fxEndHost(the);
    loop_run_jobs(the);
    collector.due_us = PORT_NEVER;
    collector.started = true;
    collector.wanted = false;
    collector.busy = 0;
}

/* After something happened: collect in the next turn, when it is quiet, or leave it. */
static void plan_collection(txMachine *the) {
    /* Peers do not wait for two in one turn: where the engine had one, this is for a later turn. */
    bool may = heap_collections() == collector.before;
    if (collector.soon && may && heap_used(the, HALF)) {
        collect(the);
    } else if (heap_used(the, MOSTLY)) {
        if (collector.busy++ >= BUSY_TURNS && may) {
            collect(the);
        } else {
            collector.wanted = true;
            port_event_post(PORT_EVENT_POST);
        }
    }
    collector.soon = false;
    if (!collector.started)
        collector.due_us = port_clock_us() + QUIET_US;
}

static void set_alarm(void) {
    uint64_t next = timers_next();
    if (collector.due_us < next)
        next = collector.due_us;
    if (rejections_due_us < next)
        next = rejections_due_us;
    if (failure_healthy_at() < next)
        next = failure_healthy_at();
    if (hci_next() < next)
        next = hci_next();
    if (update_next() < next)
        next = update_next();
    if (next != alarm_us) {
        alarm_us = next;
        port_alarm_set(next);
    }
}

void loop_run(txMachine *the) {
    loop_run_jobs(the);
    plan_collection(the);
    for (;;) {
        check_rejections(the);
        set_alarm();
        uint32_t events = port_event_wait();
        port_watchdog_feed();
        collector.before = heap_collections();
        bool active = false;
        if (events & PORT_EVENT_ALARM)
            alarm_us = PORT_NEVER;
        if (events & PORT_EVENT_HOST_WAKE) {
            radio_host_wake(the);
            active = true;
        }
        if (events & PORT_EVENT_CTS) {
            radio_cts(the);
            active = true;
        }
        if (events & PORT_EVENT_UART_RX) {
            hci_receive(the);
            active = true;
        }
        if (events & PORT_EVENT_UART_ERROR) {
            hci_line_error(the);
            active = true;
        }
        if (events & PORT_EVENT_UART_TX) {
            hci_transmit(the);
            active = true;
        }
        if (events & PORT_EVENT_FLASH) {
            flash_natives_end(the);
            active = true;
        }
        uint64_t now = port_clock_us();
        if (hci_next() <= now) {
            hci_overdue(the);
            active = true;
        }
        if (timers_next() <= now) {
            timers_run(the);
            active = true;
        }
        if (failure_healthy_at() <= now)
            failure_healthy();
        if (update_next() <= now)
            update_due();
        if (active)
            plan_collection(the);
        else if (collector.wanted || collector.due_us <= now)
            collect(the);
    }
}
