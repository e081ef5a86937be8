/*
 * probes.c: looks at the firmware where figures begin and end. The linker leads calls between the firmware's
 * files through the __wrap_ functions here and in packets.c. The application of the benchmark says what it is
 * about to do by the functions of the global object `measure` (see tools/bench/script.ts).
 */
#include <p256-m.h>

#include "counter.h"
#include "heap.h"
#include "packets.h"
#include "profile.h"
#include "rom.h"
#include "runtime.h"
#include "signed_bundle.h"

/* A figure is counted in windows. */
static const struct figure {
    const char *name;
    enum { OPENED_BY_APPLICATION, OPENED_BY_DATA, OPENED_BY_REPORT } opened;
    enum { CLOSED_BY_APPLICATION, CLOSED_BY_DATA, CLOSED_BY_ADVERTISING, CLOSED_BY_SLEEP } closed;
    unsigned packets; /* of data that close it */
    bool everything;  /* see counter.h */
} figures[] = {
    {"notification", OPENED_BY_APPLICATION, CLOSED_BY_DATA, 1, false},
    {"notificationTo3", OPENED_BY_APPLICATION, CLOSED_BY_DATA, 3, false},
    {"notificationCycle", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"write", OPENED_BY_DATA, CLOSED_BY_APPLICATION, 0, false},
    {"capturedWrite", OPENED_BY_DATA, CLOSED_BY_APPLICATION, 0, false},
    {"writeCycle", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"channelReceivePerKB", OPENED_BY_DATA, CLOSED_BY_SLEEP, 0, false},
    {"channelSendPerKB", OPENED_BY_APPLICATION, CLOSED_BY_DATA, 5, false},
    {"discovery8x40", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"scanReport", OPENED_BY_REPORT, CLOSED_BY_APPLICATION, 0, false},
    {"resolveAddress", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, false},
    {"pairSecureConnections", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"pairPasskey", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"reconnectEncrypted", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"uploadPerKB", OPENED_BY_APPLICATION, CLOSED_BY_APPLICATION, 0, true},
    {"stopStart", OPENED_BY_APPLICATION, CLOSED_BY_ADVERTISING, 0, true},
};

static struct {
    const struct figure *figure; /* NULL: none is measured */
    unsigned windows;
    bool open;
    unsigned packets; /* of data that were queued since it is open */
} measured;

/* Bytes of slots and chunks that were allocated since the figure was begun. */
static struct {
    uint64_t freed; /* by collections */
    uint64_t start; /* of this window */
    uint64_t in_windows;
    uint64_t by_collection; /* until the last one, in windows and outside */
} garbage;

static size_t in_use(const txMachine *the) {
    return (size_t)the->currentHeapCount * sizeof(txSlot) + (size_t)the->currentChunksSize;
}

static txMachine *machine;

static uint64_t allocated(void) {
    return garbage.freed + in_use(machine);
}

/* A turn is what the firmware does from one look at the UART to the next: peers wait so long. */
static struct {
    uint32_t start;       /* ticks */
    uint32_t apart;       /* ticks of this turn that a computation on P-256 took, which cannot be divided */
    uint32_t collecting;  /* ticks of this turn that collections took */
    unsigned collections; /* in this turn */
    /* Ticks since begin(): of the longest turn, of the longest without its collections, of the longest
     * collection. */
    uint32_t longest, longest_work, longest_collection;
    unsigned most_collections; /* in one turn, since begin() */
} turn;

void turn_begins(void) {
    turn.apart = turn.collecting = 0;
    turn.collections = 0;
    turn.start = counter_ticks();
}

void turn_ends(void) {
    uint32_t taken = counter_ticks() - turn.start - turn.apart;
    if (!measured.figure)
        return;
    if (taken > turn.longest)
        turn.longest = taken;
    if (taken - turn.collecting > turn.longest_work)
        turn.longest_work = taken - turn.collecting;
    if (turn.collections > turn.most_collections)
        turn.most_collections = turn.collections;
}

int __real_p256_public_from_private(uint8_t *point, const uint8_t *key);
int __wrap_p256_public_from_private(uint8_t *point, const uint8_t *key);
int __real_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *key, const uint8_t *point);
int __wrap_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *key, const uint8_t *point);

static void open_window(void) {
    measured.open = true;
    measured.packets = 0;
    garbage.start = allocated();
    counter_open();
    profile_open();
}

static void close_window(void) {
    if (!measured.open)
        return;
    profile_close();
    counter_close();
    garbage.in_windows += allocated() - garbage.start;
    measured.open = false;
    measured.windows++;
}

/* ---- functions of `measure` ---- */

/*
 * begin(figure): forgets what was counted. Collects garbage, so that each run counts from the same fill of
 * the heap.
 */
static void measure_begin(txMachine *the) {
    const char *name = fxToString(the, native_argument(the, 0));
    const struct figure *figure = figures;
    while (strcmp(figure->name, name) != 0)
        if (++figure == figures + sizeof figures / sizeof *figures)
            mxRangeError("measure.begin: no figure is called %s", name);
    measured.figure = NULL;
    heap_collect(the);
    measured.figure = figure;
    measured.windows = 0;
    measured.open = false;
    machine = the;
    memset(&garbage, 0, sizeof garbage);
    garbage.freed = (uint64_t)0 - in_use(the);
    turn.longest = turn.longest_work = turn.longest_collection = 0;
    turn.most_collections = 0;
    turn_begins();
    profile_reset();
    counter_reset(figure->everything);
}

static void measure_open(txMachine *the) {
    (void)the;
    if (measured.figure)
        open_window();
}

static void measure_close(txMachine *the) {
    (void)the;
    close_window();
}

static void measure_end(txMachine *the) {
    (void)the;
    close_window();
    turn_ends();
    profile_report(measured.figure->name);
    counter_report(measured.figure->name, measured.windows);
    console_line(CONSOLE_INFO, "bench: %s allocated %u collected %u", measured.figure->name,
                 (unsigned)garbage.in_windows, (unsigned)garbage.by_collection);
    console_line(CONSOLE_INFO, "bench: %s longest turn %u work %u collection %u collections %u",
                 measured.figure->name, (unsigned)COUNTER_INSTRUCTIONS(turn.longest),
                 (unsigned)COUNTER_INSTRUCTIONS(turn.longest_work),
                 (unsigned)COUNTER_INSTRUCTIONS(turn.longest_collection), turn.most_collections);
    measured.figure = NULL;
}

/* ---- collections ---- */

/* Since reset. */
static struct {
    unsigned collections;
    uint32_t collecting; /* ticks */
} start;

void __real_fxCollect(txMachine *the, txFlag flags);
void __wrap_fxCollect(txMachine *the, txFlag flags);

/*
 * When garbage is collected is up to how full the heap is, in a window or between two. So collections count
 * by themselves, and windows have their share by what they allocated: from the collection of begin() to the
 * last one whole cycles of the heap have passed.
 */
void __wrap_fxCollect(txMachine *the, txFlag flags) {
    const struct figure *figure = measured.figure;
    size_t before = in_use(the);
    if (figure) {
        garbage.by_collection = allocated();
        counter_collection_begin(figure->name);
    }
    uint32_t began = counter_ticks();
    __real_fxCollect(the, flags);
    if (!figure) {
        start.collections++;
        start.collecting += counter_ticks() - began;
        return;
    }
    uint32_t taken = counter_ticks() - began;
    turn.collecting += taken;
    turn.collections++;
    if (taken > turn.longest_collection)
        turn.longest_collection = taken;
    counter_collection_end(figure->name);
    garbage.freed += before - in_use(the);
}

int __wrap_p256_public_from_private(uint8_t *point, const uint8_t *key) {
    uint32_t start = counter_ticks();
    int status = __real_p256_public_from_private(point, key);
    turn.apart += counter_ticks() - start;
    return status;
}

int __wrap_p256_ecdh_shared_secret(uint8_t *secret, const uint8_t *key, const uint8_t *point) {
    uint32_t start = counter_ticks();
    int status = __real_p256_ecdh_shared_secret(secret, key, point);
    turn.apart += counter_ticks() - start;
    return status;
}

/* ---- verification at start ---- */

/* Ticks. */
static struct {
    uint32_t taken;    /* by the machine's checksum and the application's signature */
    uint32_t excluded; /* by that, and by looking at it */
} verification;

bool __real_rom_is_whole(const struct rom_header *header);
bool __wrap_rom_is_whole(const struct rom_header *header);
const struct refusal *__real_signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes,
                                                size_t size, const struct signed_target *target);
const struct refusal *__wrap_signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes,
                                                size_t size, const struct signed_target *target);

bool __wrap_rom_is_whole(const struct rom_header *header) {
    uint32_t start = counter_ticks();
    bool is_whole = __real_rom_is_whole(header);
    verification.taken += counter_ticks() - start;
    verification.excluded += counter_ticks() - start;
    return is_whole;
}

/* The most that one step of a verification in the background takes. */
static uint32_t largest_step(const uint8_t *bytes, size_t size, const struct signed_target *target) {
    struct signed_check check;
    struct signed_bundle bundle;
    uint32_t largest = 0;
    signed_check_begin(&check, &bundle, bytes, size, target);
    for (bool done = false; !done;) {
        uint32_t start = counter_ticks();
        done = signed_check_step(&check, SIGNED_STEP_SIZE);
        uint32_t taken = counter_ticks() - start;
        if (taken > largest)
            largest = taken;
    }
    return largest;
}

const struct refusal *__wrap_signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes,
                                                size_t size, const struct signed_target *target) {
    uint32_t start = counter_ticks();
    const struct refusal *problem = __real_signed_bundle_open(bundle, bytes, size, target);
    uint32_t taken = counter_ticks() - start;
    verification.taken += taken;
    uint32_t step = largest_step(bytes, size, target);
    console_line(CONSOLE_INFO, "bench: verify bundle %u step %u start %u",
                 (unsigned)COUNTER_INSTRUCTIONS(taken), (unsigned)COUNTER_INSTRUCTIONS(step),
                 (unsigned)COUNTER_INSTRUCTIONS(verification.taken));
    verification.excluded += counter_ticks() - start;
    return problem;
}

/* ---- packets ---- */

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
void bytes_came(void) {
    if (!idle.watching)
        return;
    idle.watching = false;
    struct port_stats now;
    port_stats(&now);
    unsigned housekeeping = now.wakeups_housekeeping - idle.start.wakeups_housekeeping;
    unsigned wakeups = now.wakeups - idle.start.wakeups - housekeeping - 1;
    console_line(CONSOLE_INFO, "bench: idle wakeups %u housekeeping %u milliseconds %u", wakeups,
                 housekeeping, (unsigned)((port_clock_us() - idle.start_us) / 1000));
}

static bool opens(const uint8_t *packet) {
    /* LE Meta (Vol 4, Part E, 7.7.65), whose subevent LE Advertising Report is (7.7.65.2). */
    enum { LE_META = 0x3e, ADVERTISING_REPORT = 0x02 };
    if (!measured.figure)
        return false;
    if (measured.figure->opened == OPENED_BY_DATA)
        return packet[0] == PACKET_DATA;
    return measured.figure->opened == OPENED_BY_REPORT && packet[0] == PACKET_EVENT && packet[1] == LE_META &&
           packet[3] == ADVERTISING_REPORT;
}

void packet_received(const uint8_t *packet) {
    if (!opens(packet))
        return;
    /* Several packets may come before the processor sleeps. */
    if (measured.open && measured.figure->closed == CLOSED_BY_SLEEP)
        return;
    open_window();
}

void processor_sleeps(void) {
    if (measured.figure && measured.figure->closed == CLOSED_BY_SLEEP)
        close_window();
}

static void report_memory(void) {
    struct port_stats stats = {0};
    port_stats(&stats);
    struct heap_figures heap;
    heap_figures(&heap);
    console_line(CONSOLE_INFO, "bench: memory static %u heap %u growth %u of %u stack %u of %u",
                 (unsigned)stats.ram_static, (unsigned)stats.heap_peak, (unsigned)heap.growth_peak,
                 (unsigned)heap.most, (unsigned)stats.stack_peak, (unsigned)stats.stack_size);
}

static void advertising_queued(void) {
    if (measured.figure) {
        if (measured.figure->closed == CLOSED_BY_ADVERTISING)
            close_window();
        return;
    }
    static bool started;
    if (!started) {
        started = true;
        profile_close();
        uint32_t excluded = (uint32_t)COUNTER_INSTRUCTIONS(verification.excluded);
        uint32_t instructions = counter_since_reset();
        console_line(CONSOLE_INFO, "bench: advertising instructions %u collections %u in %u",
                     (unsigned)(instructions > excluded ? instructions - excluded : 0), start.collections,
                     (unsigned)COUNTER_INSTRUCTIONS(start.collecting));
        profile_report("bootToAdvertising");
        profile_report_functions();
    }
    report_memory();
}

void packet_queued(const uint8_t *packet) {
    static const uint8_t advertising_enable[] = {PACKET_COMMAND, 0x0a, 0x20, 0x01, 0x01};
    if (memcmp(packet, advertising_enable, sizeof advertising_enable) == 0)
        advertising_queued();
    if (packet[0] == PACKET_DATA && measured.open && measured.figure->closed == CLOSED_BY_DATA &&
        ++measured.packets == measured.figure->packets)
        close_window();
}

void __real_port_deep_sleep(uint64_t at_us, uint32_t sources) __attribute__((noreturn));
void __wrap_port_deep_sleep(uint64_t at_us, uint32_t sources) __attribute__((noreturn));

void __wrap_port_deep_sleep(uint64_t at_us, uint32_t sources) {
    uint32_t excluded = (uint32_t)COUNTER_INSTRUCTIONS(verification.excluded);
    console_line(CONSOLE_INFO, "bench: sleep instructions %u", (unsigned)(counter_since_reset() - excluded));
    __real_port_deep_sleep(at_us, sources);
}

/* heap(name): what is in use after a collection, and another one of what the first one released. */
static void measure_heap(txMachine *the) {
    heap_collect(the);
    heap_collect(the);
    console_line(CONSOLE_INFO, "bench: heap %s %u", fxToString(the, native_argument(the, 0)),
                 (unsigned)in_use(the));
}

/* ---- the application ---- */

static void measure_finish(txMachine *the) {
    (void)the;
    profile_report_functions();
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
        {"heap", measure_heap, 1},
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
