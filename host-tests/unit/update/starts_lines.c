/*
 * starts_lines.c: what is kept of power-ons, on flash and in retained memory, of a camera whose clock the
 * test sets.
 *
 *   flash UNIT PROGRAM    erase and program unit of the area "starts"; erases it
 *   start CAUSE           power-on, software, watchdog, fault or timer; prints "application" or "recovery",
 *                         the count of recoveries, and the minutes that sleep is put off and pairing is open
 *   run MS                the clock goes on, and the event loop with it
 *   hang MS               the clock goes on alone, unless the recovery service runs, which does not hang
 *   paired                a device has taken the window for pairing
 *   sleep MS              the application asks for a deep sleep; prints what becomes of it
 *   garbage N             retained memory holds anything
 *   broken 1|0            programming fails from now on, or does not
 *   cuts N                N rows of power-ons, cut at each operation of flash
 *   holes N               N rows of power-ons, before each of which any one record is erased
 *   holes N cuts          the same, and each cut at each operation of flash
 *   wear N                N power-ons; prints how often units were erased
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the statics that a start finds as the linker left them. */
#include "power_ons.c"
#undef US_PER_MS
#include "put_off.c"

enum { FLASH_MAX = 2 * 65536 };
static struct port_flash_area geometry = {"starts", 2 * 4096, 4096, 8};
#define FLASH_MODEL_AREA PORT_FLASH_STARTS
#define FLASH_MODEL_SIZE FLASH_MAX
#include "flash_model.h"

static uint8_t kept[FLASH_MAX];
static bool is_recovery;
static uint64_t rtc_us, started_us;
static enum port_reset_cause cause;
static _Alignas(8) uint8_t memory[PORT_RETAINED_SIZE];
static jmp_buf slept;
static const char *sleep_kind;

uint32_t port_power_on_ms(uint32_t default_ms) {
    return default_ms;
}

uint32_t port_window_ms(uint32_t default_ms) {
    return default_ms;
}

enum port_reset_cause port_reset_cause(void) {
    return cause;
}

uint64_t port_rtc_us(void) {
    return rtc_us;
}

uint64_t port_clock_us(void) {
    return rtc_us - started_us;
}

void *port_retained(void) {
    return memory;
}

bool slots_is_wake(enum port_reset_cause which) {
    return which >= PORT_RESET_WAKE_TIMER;
}

void port_reset(void) {
    sleep_kind = "put off";
    longjmp(slept, 1);
}

void port_deep_sleep(uint64_t at_us, uint32_t sources) {
    (void)at_us, (void)sources;
    sleep_kind = "sleeps";
    longjmp(slept, 1);
}

/* ---- a camera ---- */

static uint32_t start(enum port_reset_cause why) {
    const char *problem;
    cause = why;
    /* Retained memory stays as it was: power-on must not depend on its zeros. */
    if (why == PORT_RESET_POWER_ON)
        rtc_us = 1000;
    started_us = rtc_us;
    memset(&log, 0, sizeof log);
    log.due_us = PORT_NEVER;
    current = (struct put_off){0};
    put_off_start();
    uint32_t in_a_row = power_ons_start(&problem);
    is_recovery = in_a_row > 0;
    if (problem)
        printf("%s\n", problem);
    return in_a_row;
}

static void run(uint64_t ms) {
    rtc_us += ms * 1000;
    if (power_ons_next() <= port_clock_us())
        power_ons_due();
}

static void hang(uint64_t ms) {
    if (is_recovery)
        run(ms);
    else
        rtc_us += ms * 1000;
}

static unsigned minutes(uint64_t us) {
    return (unsigned)((us + 59999999) / 60000000);
}

static void erase_all(void) {
    memset(cells, 0xff, sizeof cells);
}

/* A row of three, each cut off after `ms`. Returns how often the recovery service ran. */
static unsigned row(uint64_t ms) {
    unsigned recoveries = 0;
    for (unsigned i = 0; i < POWER_ONS_MAX; i++) {
        recoveries += start(PORT_RESET_POWER_ON) > 0;
        run(ms);
    }
    return recoveries;
}

/* What power-ons can be like: long ones, short ones, and such as resets end the row of. */
static void rows_of(unsigned kind) {
    row(kind == 0 ? 11000 : 2000);
    if (kind < 3)
        return;
    start(PORT_RESET_SOFTWARE);
    start(PORT_RESET_POWER_ON);
    hang(60000);
    start(PORT_RESET_WATCHDOG);
}

static void rows_until_cut(unsigned kind, unsigned at) {
    operations = 0;
    cut_at = at;
    if (setjmp(power_off) == 0)
        rows_of(kind);
    cut_at = 0;
}

/* Whether three short power-ons lead to recovery, and no others, whatever was before. */
static void check_counts(unsigned n, unsigned at) {
    start(PORT_RESET_POWER_ON);
    run(10000);
    for (unsigned i = 0; i < 2; i++) {
        if (start(PORT_RESET_POWER_ON))
            printf("row %u, cut at %u: long runs lead to recovery\n", n, at);
        run(10000);
    }
    unsigned recoveries = row(2000);
    if (recoveries != 1)
        printf("row %u, cut at %u: %u recoveries in three short power-ons\n", n, at, recoveries);
    /* Two more of the row, and the camera comes back by itself. */
    if (row(2000) != POWER_ONS_LAST - POWER_ONS_MAX || start(PORT_RESET_POWER_ON))
        printf("row %u, cut at %u: recovery again\n", n, at);
}

/* Each cut of the next row, from the flash that there is. Returns how many there were. */
static unsigned try_cuts_of_row(unsigned n) {
    static uint8_t before[FLASH_MAX];
    unsigned runs = 0, last = UINT32_MAX;
    memcpy(before, cells, sizeof before);
    for (unsigned at = 1; at <= last; at++) {
        for (cut_quarters = 0; cut_quarters <= 4; cut_quarters += 2) {
            memcpy(cells, before, sizeof before);
            rows_until_cut(n % 4, at);
            if (operations < at)
                last = operations;
            runs++;
            check_counts(n, at);
        }
    }
    memcpy(cells, before, sizeof before);
    return runs;
}

/* Prints a line for each cut after which something does not hold. */
static void try_cuts(unsigned rows) {
    unsigned runs = 0;
    for (unsigned n = 0; n < rows; n++) {
        runs += try_cuts_of_row(n);
        rows_of(n % 4);
    }
    printf("%u runs\n", runs);
}

/* What the next power-on says: how many there are in a row, and of recoveries. */
static uint32_t counts(void) {
    uint32_t in_a_row = start(PORT_RESET_POWER_ON);
    return in_a_row << 16 | power_ons_recoveries();
}

static uint32_t record_size(void) {
    return geometry.program_unit > sizeof(struct record) ? geometry.program_unit : sizeof(struct record);
}

/* The offset of the newest record. */
static uint32_t newest_record(void) {
    read_log();
    return place(log.unit, log.next - 1);
}

/*
 * Prints a line for each hole, a record that reads as erased between others, with which something does not
 * hold: that power-ons are counted as without it, and what must hold after each cut.
 */
static void try_holes(unsigned rows, bool with_cuts) {
    unsigned runs = 0;
    for (unsigned n = 0; n < rows; n++) {
        rows_of(n % 4);
        memcpy(kept, cells, sizeof kept);
        uint32_t newest = newest_record(), expected = counts();
        for (uint32_t hole = 0; hole < geometry.size; hole += record_size()) {
            memcpy(cells, kept, sizeof kept);
            if (hole == newest || flash_is_erased(hole, record_size()))
                continue;
            runs++;
            memset(cells + hole, 0xff, record_size());
            if (counts() != expected)
                printf("row %u, hole at %u: counted otherwise\n", n, hole);
            memcpy(cells, kept, sizeof kept);
            memset(cells + hole, 0xff, record_size());
            if (with_cuts)
                try_cuts_of_row(n + 1);
            else
                check_counts(n, 0);
        }
        memcpy(cells, kept, sizeof kept);
    }
    printf("%u runs\n", runs);
}

static enum port_reset_cause cause_of(const char *name) {
    static const char *const names[] = {"power-on", "software", "watchdog", "fault", "timer"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum port_reset_cause)i;
    abort();
}

static void take(const char *line) {
    char name[20];
    unsigned one, two;
    if (sscanf(line, "flash %u %u", &one, &two) == 2) {
        geometry = (struct port_flash_area){"starts", 2 * one, one, two};
        erase_all();
    } else if (sscanf(line, "start %19s", name) == 1) {
        start(cause_of(name));
        printf("%s%s %u sleep %u pairing %u\n", is_recovery ? "recovery" : "application",
               put_off_sleep()->sources ? " sleeps" : "", power_ons_recoveries(), minutes(put_off_left_us()),
               minutes(put_off_pairing_left_us()));
    } else if (sscanf(line, "run %u", &one) == 1) {
        run(one);
    } else if (sscanf(line, "hang %u", &one) == 1) {
        hang(one);
    } else if (strncmp(line, "paired", 6) == 0) {
        put_off_paired();
    } else if (sscanf(line, "sleep %u", &one) == 1) {
        if (setjmp(slept) == 0)
            update_sleep(rtc_us + (uint64_t)one * 1000, PORT_WAKE_TIMER);
        printf("%s\n", sleep_kind);
    } else if (sscanf(line, "garbage %u", &one) == 1) {
        for (unsigned i = 0; i < sizeof memory; i++)
            memory[i] = (uint8_t)(one * (i + 7) * 2654435761u >> 24);
    } else if (sscanf(line, "broken %u", &one) == 1) {
        is_broken = one;
    } else if (sscanf(line, "cuts %u", &one) == 1) {
        try_cuts(one);
    } else if (sscanf(line, "holes %u", &one) == 1) {
        try_holes(one, strstr(line, "cuts") != NULL);
    } else if (sscanf(line, "wear %u", &one) == 1) {
        erasures = 0;
        for (unsigned i = 0; i < one; i++) {
            start(PORT_RESET_POWER_ON);
            run(10000);
        }
        printf("%u erasures\n", erasures);
    } else {
        abort();
    }
}

int main(void) {
    char line[100];
    is_written_once = true;
    erase_all();
    while (fgets(line, sizeof line, stdin))
        take(line);
    return 0;
}
