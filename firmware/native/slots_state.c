/* slots_state.c: the state of the slots on flash, as records of which the newest whole one counts. */
#include <stddef.h>
#include <string.h>

#include "bundle.h"
#include "slots.h"

/*
 * One record. Its kind is its length, and nothing is ever programmed twice: a record that a cut has torn is
 * left, and the next one goes behind it.
 */
struct record {
    uint32_t magic;
    uint32_t sequence;
    struct slots_state state;
    uint32_t reserved[2];
    uint32_t crc;
};

#define MAGIC 0x3253424fu /* "OBS2" */
#define STATE_UNITS 2u
_Static_assert(sizeof(struct record) == 256, "whole program units");

static const struct slots_state initial = {.confirmed = SLOT_SHIPPED, .trial_slot = SLOT_SHIPPED};

static struct {
    struct slots_state state;
    uint32_t sequence; /* of the newest record; 0: there is none */
    unsigned unit;     /* that it is in */
    uint32_t next;     /* offset in the area where the next record goes, if that is erased */
} log = {.state = {.confirmed = SLOT_SHIPPED, .trial_slot = SLOT_SHIPPED}};

#ifndef FLASH_AREA_UPDATE
/* A board without the area: nothing is read or written. */
#define PORT_FLASH_UPDATE PORT_FLASH_AREAS
#endif

static const struct port_flash_area *area(void) {
    return port_flash_area(PORT_FLASH_UPDATE);
}

static uint32_t crc_of(const struct record *record) {
    return bundle_crc32(record, offsetof(struct record, crc));
}

static bool is_slot(uint8_t slot) {
    return slot < SLOTS || slot == SLOT_SHIPPED;
}

/* Whether it says what slots.c writes: anything else would never end. */
static bool makes_sense(const struct slots_state *state) {
    return is_slot(state->confirmed) && is_slot(state->trial_slot) && state->trial <= TRIAL_BEGUN &&
           (state->trial == TRIAL_NONE || state->trial_slot < SLOTS) && state->revert < REVERTS &&
           state->revoked_count <= SLOTS_REVOKED_MAX;
}

/* Reads the record at `offset`. False when there is no whole one. */
static bool read_record(uint32_t offset, struct record *record) {
    if (!port_flash_read(PORT_FLASH_UPDATE, offset, record, sizeof *record))
        return false;
    return record->magic == MAGIC && record->crc == crc_of(record) && makes_sense(&record->state);
}

void slots_read(void) {
    log.state = initial;
    log.sequence = 0;
    log.unit = 0;
    log.next = 0;
    uint32_t unit_size = area()->erase_unit;
    for (unsigned unit = 0; unit < STATE_UNITS; unit++) {
        for (uint32_t at = 0; at + sizeof(struct record) <= unit_size; at += sizeof(struct record)) {
            struct record record;
            uint32_t offset = unit * unit_size + at;
            if (!read_record(offset, &record) || record.sequence < log.sequence)
                continue;
            log.state = record.state;
            log.sequence = record.sequence;
            log.unit = unit;
            log.next = offset + sizeof record;
        }
    }
}

static bool is_erased(uint32_t offset) {
    uint8_t bytes[sizeof(struct record)];
    if (!port_flash_read(PORT_FLASH_UPDATE, offset, bytes, sizeof bytes))
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

/* The next erased place of the newest record's unit, or the start of the other unit, which is erased for it.
 */
static bool find_place(uint32_t *offset) {
    uint32_t unit_size = area()->erase_unit;
    if (log.sequence > 0) {
        uint32_t end = (log.unit + 1) * unit_size;
        while (log.next + sizeof(struct record) <= end && !is_erased(log.next))
            log.next += sizeof(struct record);
        *offset = log.next;
        if (log.next + sizeof(struct record) <= end)
            return true;
    }
    /* Nothing newer than what is in our unit can be in the other one. */
    *offset = log.sequence > 0 ? (1 - log.unit) * unit_size : 0;
    return port_flash_erase(PORT_FLASH_UPDATE, *offset, unit_size);
}

/* Appends a record. What is in RAM follows once it is on flash. */
static bool append(const struct record *record) {
    uint32_t offset;
    struct record check;
    if (!find_place(&offset))
        return false;
    if (!port_flash_program(PORT_FLASH_UPDATE, offset, record, sizeof *record) ||
        !port_flash_sync(PORT_FLASH_UPDATE) || !read_record(offset, &check) ||
        check.sequence != record->sequence) {
        /* Torn: the next one goes behind it. */
        slots_read();
        return false;
    }
    log.state = record->state;
    log.sequence = record->sequence;
    log.unit = offset / area()->erase_unit;
    log.next = offset + sizeof *record;
    return true;
}

/* Writes a state, twice: a bit that changes later, in the newest record, must not bring an older state back.
 */
bool slots_write(const struct slots_state *state) {
    struct record record = {.magic = MAGIC, .sequence = log.sequence + 1, .state = *state};
    record.crc = crc_of(&record);
    if (!append(&record))
        return false;
    (void)append(&record);
    return true;
}

const struct slots_state *slots_state(void) {
    return &log.state;
}
