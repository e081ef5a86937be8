#include "slots.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bundle.h"

/*
 * One record. Its kind is its length, and nothing is ever programmed twice: a record that a cut has torn is
 * left, and the next one goes behind it.
 */
struct record {
    uint32_t magic;
    uint32_t sequence;
    struct slots_state state;
    uint32_t reserved[11];
    uint32_t crc;
};

#define MAGIC 0x3153424fu /* "OBS1" */
#define STATE_UNITS 2u
_Static_assert(sizeof(struct record) == 128, "whole program units");

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

/* Reads the record at `offset`. False when there is no whole one. */
static bool read_record(uint32_t offset, struct record *record) {
    if (!port_flash_read(PORT_FLASH_UPDATE, offset, record, sizeof *record))
        return false;
    return record->magic == MAGIC && record->crc == crc_of(record) && is_slot(record->state.confirmed) &&
           is_slot(record->state.trial_slot) && record->state.trial <= TRIAL_BEGUN;
}

static void read_log(void) {
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
        read_log();
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
static bool write_state(const struct slots_state *state) {
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

/* ---- slots ---- */

static uint32_t slot_units(void) {
    return (area()->size / area()->erase_unit - STATE_UNITS) / SLOTS;
}

uint32_t slots_size(void) {
    return area() && port_flash_map(PORT_FLASH_UPDATE) ? slot_units() * area()->erase_unit : 0;
}

uint32_t slots_offset(unsigned slot) {
    return (STATE_UNITS + slot * slot_units()) * area()->erase_unit;
}

const uint8_t *slots_bytes(unsigned slot) {
    return (const uint8_t *)port_flash_map(PORT_FLASH_UPDATE) + slots_offset(slot);
}

bool slots_is_free(unsigned slot) {
    bool is_tried = log.state.trial != TRIAL_NONE && log.state.trial_slot == slot;
    return slot != log.state.confirmed && !is_tried;
}

const char *slots_refusal(unsigned slot, const struct signed_bundle *bundle) {
    (void)slot;
    if (bundle->counter < log.state.floor)
        return "has a lower security counter than this camera has confirmed; sign a newer one";
    return NULL;
}

/* Verifies a slot. NULL, or what is wrong, as the end of a sentence that begins with the bundle. */
static const char *open_slot(struct signed_bundle *bundle, unsigned slot,
                             const struct signed_target *target) {
    const char *why = signed_bundle_open(bundle, slots_bytes(slot), slots_size(), target);
    return why ? why : slots_refusal(slot, bundle);
}

static bool has_digest(const struct signed_bundle *bundle, const uint8_t digest[SIGNED_HASH_SIZE]) {
    return memcmp(bundle->digest, digest, SIGNED_HASH_SIZE) == 0;
}

/* ---- at start ---- */

static void end_trial(const char *why, slots_report report) {
    char text[200];
    snprintf(text, sizeof text, "update: the trial of slot %u has ended: %s", (unsigned)log.state.trial_slot,
             why);
    struct slots_state state = log.state;
    state.trial = TRIAL_NONE;
    state.trial_slot = SLOT_SHIPPED;
    state.is_permanent = 0;
    memset(state.trial_digest, 0, sizeof state.trial_digest);
    report(text);
    if (write_state(&state))
        return;
    report("update: the state cannot be written");
    /* For this start it has ended all the same. */
    log.state.trial = TRIAL_NONE;
}

/* Whether the trial runs with this start. */
static bool choose_trial(struct slots_choice *choice, const struct signed_target *target, bool is_wake,
                         slots_report report) {
    uint8_t trial = log.state.trial;
    if (trial == TRIAL_NONE || log.state.trial_slot >= SLOTS)
        return false;
    if (trial == TRIAL_BEGUN && !is_wake) {
        end_trial("the camera was reset before it was confirmed", report);
        return false;
    }
    const char *why = open_slot(&choice->bundle, log.state.trial_slot, target);
    char sentence[160];
    if (!why && !has_digest(&choice->bundle, log.state.trial_digest))
        why = "is another one than was marked";
    if (why) {
        snprintf(sentence, sizeof sentence, "its bundle %s", why);
        end_trial(sentence, report);
        return false;
    }
    if (trial == TRIAL_MARKED) {
        /* Before it runs: whatever ends it, it was the trial. */
        struct slots_state state = log.state;
        state.trial = TRIAL_BEGUN;
        if (!write_state(&state)) {
            end_trial("its beginning cannot be written", report);
            return false;
        }
    }
    choice->slot = log.state.trial_slot;
    choice->is_trial = true;
    return true;
}

void slots_choose(struct slots_choice *choice, const struct signed_target *target, bool is_wake,
                  slots_report report) {
    memset(choice, 0, sizeof *choice);
    choice->slot = SLOT_SHIPPED;
    if (slots_size() == 0)
        return;
    read_log();
    if (choose_trial(choice, target, is_wake, report))
        return;
    uint8_t confirmed = log.state.confirmed;
    if (confirmed >= SLOTS)
        return;
    const char *why = open_slot(&choice->bundle, confirmed, target);
    if (!why && !has_digest(&choice->bundle, log.state.confirmed_digest))
        why = "is another one than was confirmed";
    if (!why) {
        choice->slot = confirmed;
        return;
    }
    char text[200];
    snprintf(text, sizeof text, "update: the confirmed bundle %s", why);
    report(text);
    /* Damaged, which no cut does. The other slot may hold what was confirmed before it. */
    unsigned other = 1u - confirmed;
    why = open_slot(&choice->bundle, other, target);
    snprintf(text, sizeof text, "update: starting the %s",
             why ? "application of the image" : "bundle of the other slot");
    report(text);
    if (!why)
        choice->slot = (uint8_t)other;
}

/* ---- what a client asks for ---- */

bool slots_mark(unsigned slot, bool is_permanent, const struct signed_target *target, const char **problem) {
    struct signed_bundle bundle;
    if (slot >= SLOTS || slots_size() == 0) {
        *problem = "there is no such slot";
        return false;
    }
    if (log.state.trial == TRIAL_BEGUN) {
        *problem = "a trial is running; confirm it, or reset the camera";
        return false;
    }
    if (slot == log.state.confirmed) {
        *problem = "this is the confirmed bundle";
        return false;
    }
    const char *why = open_slot(&bundle, slot, target);
    if (why) {
        static char sentence[160];
        snprintf(sentence, sizeof sentence, "the bundle %s", why);
        *problem = sentence;
        return false;
    }
    struct slots_state state = log.state;
    state.trial = TRIAL_MARKED;
    state.trial_slot = (uint8_t)slot;
    state.is_permanent = is_permanent;
    memcpy(state.trial_digest, bundle.digest, sizeof state.trial_digest);
    *problem = "the state cannot be written: the flash failed";
    return write_state(&state);
}

bool slots_unmark(const char **problem) {
    if (log.state.trial != TRIAL_MARKED)
        return true;
    struct slots_state state = log.state;
    state.trial = TRIAL_NONE;
    state.trial_slot = SLOT_SHIPPED;
    state.is_permanent = 0;
    memset(state.trial_digest, 0, sizeof state.trial_digest);
    *problem = "the state cannot be written: the flash failed";
    return write_state(&state);
}

bool slots_confirm(const struct slots_choice *running, const char **problem) {
    if (!running->is_trial || log.state.trial != TRIAL_BEGUN)
        return true;
    struct slots_state state = log.state;
    uint32_t counter = running->bundle.counter;
    uint32_t most =
        state.floor > UINT32_MAX - SLOT_COUNTER_STEP ? UINT32_MAX : state.floor + SLOT_COUNTER_STEP;
    if (counter > state.floor)
        state.floor = counter < most ? counter : most;
    state.confirmed = state.trial_slot;
    memcpy(state.confirmed_digest, state.trial_digest, sizeof state.confirmed_digest);
    state.trial = TRIAL_NONE;
    state.trial_slot = SLOT_SHIPPED;
    state.is_permanent = 0;
    memset(state.trial_digest, 0, sizeof state.trial_digest);
    *problem = "the state cannot be written: the flash failed";
    return write_state(&state);
}
