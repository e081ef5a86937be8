/*
 * probes.c: looks at the firmware where figures begin and end. The linker leads calls between the firmware's
 * files through the __wrap_ functions. The application of the benchmark says what it is about to do by the
 * functions of the global object `measure` (see tools/bench/script.ts).
 */
#include "counter.h"
#include "runtime.h"

enum ends_by { BY_APPLICATION, BY_PACKET };

static struct {
    char figure[32];
    unsigned windows;
    bool open;
    bool opens_on_receive; /* a window opens when received bytes are read */
    enum ends_by ends_by;
} measured;

static void open_window(void) {
    measured.open = true;
    counter_open();
}

static void close_window(void) {
    counter_close();
    measured.open = false;
    measured.windows++;
}

/* ---- functions of `measure` ---- */

/* begin(figure): forgets what was counted. */
static void measure_begin(txMachine *the) {
    const char *figure = fxToString(the, native_argument(the, 0));
    snprintf(measured.figure, sizeof measured.figure, "%s", figure);
    measured.windows = 0;
    measured.open = false;
    measured.opens_on_receive = strcmp(figure, "write") == 0;
    measured.ends_by = strcmp(figure, "notification") == 0 ? BY_PACKET : BY_APPLICATION;
    counter_reset(strcmp(figure, "notificationCycle") == 0);
}

static void measure_open(txMachine *the) {
    (void)the;
    open_window();
}

static void measure_close(txMachine *the) {
    (void)the;
    if (measured.open)
        close_window();
}

static void measure_end(txMachine *the) {
    (void)the;
    counter_report(measured.figure, measured.windows);
    measured.opens_on_receive = false;
}

/* ---- idleness ---- */

static struct {
    bool watching;
    uint64_t start_us;
    struct port_stats start;
} idle;

static void measure_idle(txMachine *the) {
    (void)the;
    port_stats(&idle.start);
    idle.start_us = port_clock_us();
    idle.watching = true;
}

/* The return that brought the byte which ends the watch is not counted. */
static void report_idle(void) {
    struct port_stats now;
    port_stats(&now);
    unsigned housekeeping = now.wakeups_housekeeping - idle.start.wakeups_housekeeping;
    unsigned wakeups = now.wakeups - idle.start.wakeups - housekeeping - 1;
    console_line(CONSOLE_INFO, "bench: idle wakeups %u housekeeping %u milliseconds %u", wakeups,
                 housekeeping, (unsigned)((port_clock_us() - idle.start_us) / 1000));
}

uint32_t __real_port_event_wait(void);
uint32_t __wrap_port_event_wait(void);

uint32_t __wrap_port_event_wait(void) {
    /* Part of a packet was read; the rest opens a new window. */
    if (measured.open && measured.opens_on_receive) {
        counter_discard();
        measured.open = false;
    }
    uint32_t events = __real_port_event_wait();
    if (idle.watching && (events & PORT_EVENT_UART_RX)) {
        idle.watching = false;
        report_idle();
    }
    return events;
}

/* ---- the HCI UART ---- */

static void report_memory(void) {
    struct port_stats stats = {0};
    port_stats(&stats);
    console_line(CONSOLE_INFO, "bench: memory static %u heap %u stack %u of %u", (unsigned)stats.ram_static,
                 (unsigned)stats.heap_peak, (unsigned)stats.stack_peak, (unsigned)stats.stack_size);
}

static void packet_queued(uint8_t indicator, const uint8_t *packet) {
    static const uint8_t advertising_enable[] = {0x01, 0x0a, 0x20, 0x01, 0x01};
    if (indicator == 0x02 && measured.open && measured.ends_by == BY_PACKET)
        close_window();
    if (indicator == 0x01 && memcmp(packet, advertising_enable, sizeof advertising_enable) == 0) {
        unsigned instructions = counter_since_reset();
        console_line(CONSOLE_INFO, "bench: advertising instructions %u", instructions);
        report_memory();
    }
}

size_t __real_port_uart_write(const void *bytes, size_t length);
size_t __wrap_port_uart_write(const void *bytes, size_t length);

/* Commands come in one piece, ACL packets in a header and a payload. */
size_t __wrap_port_uart_write(const void *bytes, size_t length) {
    static uint8_t packet[5];
    static size_t missing;
    size_t taken = __real_port_uart_write(bytes, length);
    if (missing == 0) {
        memcpy(packet, bytes, length < sizeof packet ? length : sizeof packet);
        missing = packet[0] == 0x01 ? 4u + packet[3] : 5u + packet[3] + 256u * packet[4];
    }
    missing -= taken;
    if (missing == 0)
        packet_queued(packet[0], packet);
    return taken;
}

size_t __real_port_uart_read(void *bytes, size_t length);
size_t __wrap_port_uart_read(void *bytes, size_t length);

size_t __wrap_port_uart_read(void *bytes, size_t length) {
    if (measured.opens_on_receive && !measured.open)
        open_window();
    size_t count = __real_port_uart_read(bytes, length);
    if (count == 0 && measured.open && measured.opens_on_receive) {
        counter_discard();
        measured.open = false;
    }
    return count;
}

/* ---- the application ---- */

static void measure_finish(txMachine *the) {
    (void)the;
    report_memory();
    port_exit(0);
}

void __real_native_applicationStart(txMachine *the);
void __wrap_native_applicationStart(txMachine *the);

/* Adds `measure`, an object of functions, to the globals of the application. */
void __wrap_native_applicationStart(txMachine *the) {
    static const struct {
        const char *name;
        txCallback callback;
        int count;
    } functions[] = {
        {"begin", measure_begin, 1}, {"open", measure_open, 0}, {"close", measure_close, 0},
        {"end", measure_end, 0},     {"idle", measure_idle, 0}, {"finish", measure_finish, 0},
    };
    txSlot *globals = native_argument(the, 1);
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        property = fxNextHostFunctionProperty(the, property, functions[i].callback, functions[i].count,
                                              fxNewNameX(the, (txString)functions[i].name), XS_NO_FLAG);
    mxPushSlot(globals);
    mxSetID(fxNewNameX(the, "measure"));
    mxPop();
    __real_native_applicationStart(the);
}
