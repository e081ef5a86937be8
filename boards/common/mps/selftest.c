/*
 * Does one thing that a program cannot check on itself and the test that started it can, named by an
 * argument:
 *
 *   fault=KIND     a fault; the console line and the reset cause are the result. Kinds: see fault_kinds
 *   flash=program  programs a record and sleeps, to be killed
 *   flash=check    says whether that record is there
 *   identity       prints the unique id and some random bytes
 *   idle           counts wake-ups of 10 s of sleep
 *   wake           sleeps deeply, until the button or motion; wake=button: until the button, or 300 s
 */
#include "port.h"
#include "registers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_OFFSET 4096

static const uint8_t record[16] = "kept over a kill";

static void divide(void) {
    volatile int zero = 0;
    volatile int result = 100 / zero;
    (void)result;
}

static void write_null(void) {
    *(volatile int *volatile)0 = 1;
}

static void write_rom(void) {
    *(volatile int *)port_rom()->start = 1;
}

static void read_nowhere(void) {
    (void)*(volatile int *volatile)BOARD_NOWHERE;
}

__attribute__((noinline)) static int recurse(volatile int depth) {
    volatile int frame[16];
    frame[0] = depth;
    return depth < 1000000 ? recurse(depth + 1) + frame[0] : 0;
}

static void overflow_stack(void) {
    recurse(0);
}

static void execute_undefined(void) {
    __asm__ volatile("udf #0");
}

static void abort_program(void) {
    abort();
}

static const struct {
    const char *argument;
    void (*cause)(void);
} fault_kinds[] = {
    {"fault=divide", divide},        {"fault=null", write_null},      {"fault=rom", write_rom},
    {"fault=nowhere", read_nowhere}, {"fault=stack", overflow_stack}, {"fault=undefined", execute_undefined},
    {"fault=abort", abort_program},
};

static void print_bytes(const char *name, const uint8_t *bytes, size_t length) {
    printf("%s ", name);
    for (size_t i = 0; i < length; i++)
        printf("%02x", bytes[i]);
    printf("\n");
}

static void identity(void) {
    uint8_t id[8], bytes[16];
    port_unique_id(id);
    print_bytes("id", id, sizeof id);
    if (port_random(bytes, sizeof bytes))
        print_bytes("random", bytes, sizeof bytes);
    else
        printf("random none\n");
    fflush(stdout);
    port_exit(0);
}

/* An erase unit is prepared by its first use. */
static void prepare_flash(void) {
    uint8_t first;
    for (unsigned i = 0; i < PORT_FLASH_AREAS; i++) {
        enum port_flash_area_id area = (enum port_flash_area_id)i;
        for (uint32_t at = 0; at < port_flash_area(area)->size; at += port_flash_area(area)->erase_unit)
            port_flash_read(area, at, &first, sizeof first);
    }
}

static void flash_program(void) {
    bool done = port_flash_erase(PORT_FLASH_STATE, RECORD_OFFSET, 4096) &&
                port_flash_program(PORT_FLASH_STATE, RECORD_OFFSET, record, sizeof record) &&
                port_flash_sync(PORT_FLASH_STATE);
    printf(done ? "programmed\n" : "failed\n");
    fflush(stdout);
    for (;;)
        port_event_wait();
}

static void flash_check(void) {
    uint8_t bytes[sizeof record];
    bool there = port_flash_read(PORT_FLASH_STATE, RECORD_OFFSET, bytes, sizeof bytes) &&
                 memcmp(bytes, record, sizeof record) == 0;
    printf(there ? "record is there\n" : "record is gone\n");
    fflush(stdout);
    port_exit(0);
}

static void idle(void) {
    struct port_stats before, after;
    port_watchdog_start(4000);
    port_stats(&before);
    uint64_t start = port_clock_us();
    port_alarm_set(start + 10000000);
    port_event_wait();
    uint64_t end = port_clock_us();
    port_stats(&after);
    printf("wakeups %u housekeeping %u awake_us %u\n", (unsigned)(after.wakeups - before.wakeups),
           (unsigned)(after.wakeups_housekeeping - before.wakeups_housekeeping),
           (unsigned)(end - start - (after.asleep_us - before.asleep_us)));
    fflush(stdout);
    port_exit(0);
}

int main(int argc, char **argv) {
    static const char *const causes[] = {"power-on", "software", "watchdog", "fault",
                                         "timer",    "motion",   "button"};

    port_init(argc, argv);
    prepare_flash();
    printf("started by %s\n", causes[port_reset_cause()]);
    fflush(stdout);
    if (port_reset_cause() != PORT_RESET_POWER_ON)
        port_exit(3);
    for (int i = 1; i < argc; i++) {
        for (size_t kind = 0; kind < sizeof fault_kinds / sizeof *fault_kinds; kind++)
            if (strcmp(argv[i], fault_kinds[kind].argument) == 0)
                fault_kinds[kind].cause();
        if (strcmp(argv[i], "flash=program") == 0)
            flash_program();
        if (strcmp(argv[i], "flash=check") == 0)
            flash_check();
        if (strcmp(argv[i], "identity") == 0)
            identity();
        if (strcmp(argv[i], "idle") == 0)
            idle();
        if (strcmp(argv[i], "wake") == 0)
            port_deep_sleep(PORT_NEVER, PORT_WAKE_BUTTON | PORT_WAKE_MOTION);
        if (strcmp(argv[i], "wake=button") == 0)
            port_deep_sleep(300000000, PORT_WAKE_TIMER | PORT_WAKE_BUTTON);
    }
    port_exit(2);
}
