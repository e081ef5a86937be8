/* power_ons.c: how many power-ons have come in a row, on flash. */
#include "power_ons.h"

#include <stddef.h>
#include <string.h>

#include "bundle.h"

#ifndef FLASH_AREA_STARTS
/* A board without the area: nothing is read or written, and no power-on counts. */
#define PORT_FLASH_STARTS PORT_FLASH_AREAS
#endif

#define US_PER_MS UINT64_C(1000)

/*
 * One record: its kind is its length. The newest whole one counts; one that a cut has torn is left, and the
 * next one goes behind it.
 */
struct record {
    uint32_t sequence;
    uint32_t in_a_row;
    uint32_t recoveries;
    uint32_t crc;
};
/* The largest unit of programming that a record is padded to. */
#define STRIDE_MAX 256u
/* Units that the records use by turns. */
#define UNITS 2u
/* What one power-on writes: that it has come, and that it is over. */
#define RECORDS_PER_START 2u
/* Of a larger unit no more places are used: each start looks at all of them. */
#define RECORDS_OF_UNIT_MAX 256u

static struct {
    struct record newest;
    unsigned unit;   /* that it is in */
    uint32_t next;   /* where in that unit the next record goes */
    uint64_t due_us; /* in port_clock_us: when the row ends */
} log = {.due_us = PORT_NEVER};

static const struct port_flash_area *area(void) {
    return port_flash_area(PORT_FLASH_STARTS);
}

static uint32_t stride(void) {
    uint32_t unit = area()->program_unit;
    return unit > sizeof(struct record) ? unit : sizeof(struct record);
}

static uint32_t records_of_unit(void) {
    uint32_t records = area()->erase_unit / stride();
    return records < RECORDS_OF_UNIT_MAX ? records : RECORDS_OF_UNIT_MAX;
}

static uint32_t place(unsigned unit, uint32_t index) {
    return unit * area()->erase_unit + index * stride();
}

static uint32_t crc_of(const struct record *record) {
    return bundle_crc32(record, offsetof(struct record, crc));
}

static bool is_erased(uint32_t offset) {
    uint32_t words[STRIDE_MAX / sizeof(uint32_t)], length = stride();
    if (!port_flash_read(PORT_FLASH_STARTS, offset, words, length))
        return false;
    for (uint32_t i = 0; i < length / sizeof *words; i++)
        if (words[i] != UINT32_MAX)
            return false;
    return true;
}

static bool read_record(uint32_t offset, struct record *record) {
    return port_flash_read(PORT_FLASH_STARTS, offset, record, sizeof *record) &&
           record->crc == crc_of(record) && record->in_a_row < POWER_ONS_LAST;
}

/*
 * Behind the last place of a unit that something was written to. Each is looked at, from the end: one whose
 * writing was cut may read as erased later, between others, and what is written must not go over them.
 */
static uint32_t end_of(unsigned unit) {
    uint32_t end = records_of_unit();
    while (end > 0 && is_erased(place(unit, end - 1)))
        end--;
    return end;
}

/* Finds the newest record of a unit, from its end, and where the next one goes. */
static void read_unit(unsigned unit) {
    uint32_t end = end_of(unit);
    for (uint32_t index = end; index > 0; index--) {
        struct record record;
        if (!read_record(place(unit, index - 1), &record))
            continue;
        if (record.sequence > log.newest.sequence) {
            log.newest = record;
            log.unit = unit;
            log.next = end;
        }
        return;
    }
}

static void read_log(void) {
    log.newest = (struct record){0};
    log.unit = UNITS - 1;
    log.next = records_of_unit();
    for (unsigned unit = 0; unit < UNITS; unit++)
        read_unit(unit);
}

static bool has_room(uint32_t records) {
    return log.next + records <= records_of_unit();
}

/* Room for what one power-on writes: behind the newest record, or in the other unit, which is erased for it.
 */
static bool make_room(void) {
    if (has_room(RECORDS_PER_START))
        return true;
    log.unit = UNITS - 1 - log.unit;
    log.next = 0;
    return port_flash_erase(PORT_FLASH_STARTS, place(log.unit, 0), area()->erase_unit);
}

static bool append(uint32_t in_a_row, uint32_t recoveries) {
    uint8_t bytes[STRIDE_MAX];
    struct record record = {log.newest.sequence + 1, in_a_row, recoveries, 0}, check;
    if (!has_room(1))
        return false;
    record.crc = crc_of(&record);
    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes, &record, sizeof record);
    uint32_t offset = place(log.unit, log.next++);
    if (!port_flash_program(PORT_FLASH_STARTS, offset, bytes, stride()) ||
        !port_flash_sync(PORT_FLASH_STARTS) || !read_record(offset, &check) ||
        check.sequence != record.sequence)
        return false;
    log.newest = record;
    return true;
}

static bool is_usable(void) {
    return area() && area()->size >= UNITS * area()->erase_unit && stride() <= STRIDE_MAX &&
           records_of_unit() >= RECORDS_PER_START;
}

/* The row ends that long after the supply came, however often the camera has been reset since. */
static void wait_for_end(void) {
    uint64_t end = port_power_on_ms(POWER_ON_MS) * US_PER_MS, now = port_rtc_us();
    if (log.newest.in_a_row > 0)
        log.due_us = port_clock_us() + (end > now ? end - now : 0);
}

/* Counts this power-on, before the application runs. Returns how many have come in a row; 0 if flash fails.
 */
static uint32_t count(void) {
    uint32_t in_a_row = log.newest.in_a_row + 1, recoveries = log.newest.recoveries;
    /* The row of the last one has ended: the camera comes back to its application, whatever becomes of the
     * supply meanwhile. */
    uint32_t kept = in_a_row == POWER_ONS_LAST ? 0 : in_a_row;
    return make_room() && append(kept, recoveries + (in_a_row >= POWER_ONS_MAX)) ? in_a_row : 0;
}

uint32_t power_ons_start(const char **problem) {
    uint32_t in_a_row = 0;
    *problem = NULL;
    if (!is_usable() || port_power_on_ms(POWER_ON_MS) == 0)
        return 0;
    read_log();
    if (port_reset_cause() == PORT_RESET_POWER_ON) {
        in_a_row = count();
        if (in_a_row == 0) {
            *problem = "power-ons cannot be counted: the flash failed";
            return 0;
        }
    }
    wait_for_end();
    /* Here, for the application that a reset brings may never come to its event loop. In place of the
     * recovery service it must not hold a place in the row that is kept for somebody's switch. */
    if (in_a_row == 0 && (log.due_us <= port_clock_us() || log.newest.in_a_row >= POWER_ONS_MAX))
        power_ons_due();
    return in_a_row >= POWER_ONS_MAX ? in_a_row : 0;
}

uint64_t power_ons_next(void) {
    return log.due_us;
}

void power_ons_due(void) {
    log.due_us = PORT_NEVER;
    /* Where it cannot be written, the next power-on is taken for one of the row. */
    (void)append(0, log.newest.recoveries);
}

uint32_t power_ons_recoveries(void) {
    return log.newest.recoveries;
}
