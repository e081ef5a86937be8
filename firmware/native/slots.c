/* slots.c: which bundle runs, and what may become of the slots. */
#include "slots.h"

#include <stdio.h>
#include <string.h>

#ifndef FLASH_AREA_UPDATE
/* A board without the area: nothing is read or written. */
#define PORT_FLASH_UPDATE PORT_FLASH_AREAS
#endif

/* In front of the slots. */
#define STATE_UNITS 2u

REFUSAL(downgrade, "downgrade",
        "has a lower security counter than this camera has confirmed; sign a newer one");
REFUSAL(no_slot, "not-found", "there is no such slot");
REFUSAL(trial_runs, "no-free-slot", "a trial is running; confirm it, or reset the camera");
REFUSAL(is_confirmed, "in-use", "this is the confirmed bundle");
REFUSAL(is_running, "in-use", "this is the bundle that runs");
REFUSAL(is_marked, "no-free-slot", "this bundle is marked for a trial; take the mark back first");
REFUSAL(not_written, "flash-failed", "the state cannot be written: the flash failed");
REFUSAL(other_key, "unknown-key", "this camera does not trust the key that the file revokes");
REFUSAL(last_key, "in-use", "this is the last key that the camera trusts; build an image with another one");

static const struct port_flash_area *area(void) {
    return port_flash_area(PORT_FLASH_UPDATE);
}

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

unsigned slots_other(uint8_t running) {
    if (running < SLOTS)
        return 1u - running;
    uint8_t confirmed = slots_state()->confirmed;
    return confirmed < SLOTS ? 1u - confirmed : 0;
}

static bool has_digest(const struct signed_bundle *bundle, const uint8_t digest[SIGNED_HASH_SIZE]) {
    return memcmp(bundle->digest, digest, SIGNED_HASH_SIZE) == 0;
}

const struct refusal *slots_writable(unsigned slot, const struct slots_choice *running) {
    const struct slots_state *state = slots_state();
    if (slot >= SLOTS || slots_size() == 0)
        return &no_slot;
    if (state->trial == TRIAL_BEGUN)
        return &trial_runs;
    if (state->trial == TRIAL_MARKED && state->trial_slot == slot)
        return &is_marked;
    if (slot == running->slot)
        return &is_running;
    /* What was confirmed may be written once it is damaged, and something else runs from a slot. */
    if (slot == state->confirmed && running->slot == SLOT_SHIPPED)
        return &is_confirmed;
    return NULL;
}

const struct refusal *slots_refusal(const struct signed_bundle *bundle) {
    return !bundle->revoked && bundle->counter < slots_state()->floor ? &downgrade : NULL;
}

bool slots_is_revoked(const uint8_t hash[SIGNED_HASH_SIZE]) {
    const struct slots_state *state = slots_state();
    for (unsigned i = 0; i < state->revoked_count; i++)
        if (memcmp(state->revoked[i], hash, SIGNED_HASH_SIZE) == 0)
            return true;
    return false;
}

const char *slots_revert_text(enum slots_revert why) {
    static const char *const texts[REVERTS] = {
        [REVERT_NONE] = NULL,
        [REVERT_RESET] = "the camera was reset before it was confirmed",
        [REVERT_FAULT] = "it failed before it was confirmed",
        [REVERT_WATCHDOG] = "it hung, and the watchdog reset the camera",
        [REVERT_DEADLINE] = "nobody confirmed it in time",
        [REVERT_REFUSED] = "its bundle does not verify",
        [REVERT_UNREACHED] = "nobody could have connected to the camera while it ran",
    };
    return texts[why];
}

/* Verifies the application of a slot. */
static const struct refusal *open_slot(struct signed_bundle *bundle, unsigned slot,
                                       const struct signed_target *target) {
    REFUSAL(no_application, "not-a-bundle", "is a revocation, and no application");
    const struct refusal *why = signed_bundle_open(bundle, slots_bytes(slot), slots_size(), target);
    if (!why && bundle->revoked)
        why = &no_application;
    return why ? why : slots_refusal(bundle);
}

/* ---- at start ---- */

static void clear_trial(struct slots_state *state) {
    state->trial = TRIAL_NONE;
    state->trial_slot = SLOT_SHIPPED;
    state->is_permanent = 0;
    memset(state->trial_digest, 0, sizeof state->trial_digest);
}

bool slots_revert(enum slots_revert why) {
    struct slots_state state = *slots_state();
    memcpy(state.reverted_digest, state.trial_digest, sizeof state.reverted_digest);
    state.revert = (uint8_t)why;
    clear_trial(&state);
    return slots_write(&state);
}

static void end_trial(enum slots_revert why, const char *text, slots_report report) {
    char line[200];
    snprintf(line, sizeof line, "update: the trial of slot %u has ended: %s",
             (unsigned)slots_state()->trial_slot, text);
    report(line);
    if (!slots_revert(why))
        report("update: the state cannot be written");
}

static enum slots_revert revert_of(enum port_reset_cause cause) {
    return cause == PORT_RESET_FAULT      ? REVERT_FAULT
           : cause == PORT_RESET_WATCHDOG ? REVERT_WATCHDOG
                                          : REVERT_RESET;
}

bool slots_is_wake(enum port_reset_cause cause) {
    return cause == PORT_RESET_WAKE_TIMER || cause == PORT_RESET_WAKE_MOTION ||
           cause == PORT_RESET_WAKE_BUTTON;
}

/* Whether the trial runs with this start. */
static bool choose_trial(struct slots_choice *choice, const struct signed_target *target,
                         enum port_reset_cause cause, slots_report report) {
    struct slots_state state = *slots_state();
    if (state.trial == TRIAL_NONE)
        return false;
    if (state.trial == TRIAL_BEGUN && !slots_is_wake(cause)) {
        enum slots_revert why = revert_of(cause);
        end_trial(why, slots_revert_text(why), report);
        return false;
    }
    const struct refusal *refusal = open_slot(&choice->bundle, state.trial_slot, target);
    const char *why = refusal ? refusal->text : NULL;
    if (!why && !has_digest(&choice->bundle, state.trial_digest))
        why = "is another one than was marked";
    if (why) {
        char sentence[160];
        snprintf(sentence, sizeof sentence, "its bundle %s", why);
        end_trial(REVERT_REFUSED, sentence, report);
        return false;
    }
    if (state.trial == TRIAL_MARKED) {
        /* Before it runs: whatever ends it, it was the trial. */
        state.trial = TRIAL_BEGUN;
        if (!slots_write(&state)) {
            end_trial(REVERT_RESET, "its beginning cannot be written", report);
            return false;
        }
    }
    choice->slot = state.trial_slot;
    choice->is_trial = true;
    return true;
}

/* Whether it ran, on trial, and was not confirmed. */
static bool has_failed(const struct signed_bundle *bundle) {
    const struct slots_state *state = slots_state();
    return state->revert != REVERT_NONE && state->revert != REVERT_REFUSED &&
           has_digest(bundle, state->reverted_digest);
}

/* The confirmed bundle is damaged, which no cut does. The other slot may hold what was confirmed before it.
 */
static void choose_other(struct slots_choice *choice, const struct signed_target *target, const char *why,
                         slots_report report) {
    char text[200];
    unsigned other = 1u - slots_state()->confirmed;
    snprintf(text, sizeof text, "update: the confirmed bundle %s", why);
    report(text);
    bool verifies = !open_slot(&choice->bundle, other, target) && !has_failed(&choice->bundle);
    snprintf(text, sizeof text, "update: starting the %s",
             verifies ? "bundle of the other slot" : "application of the image");
    report(text);
    if (verifies)
        choice->slot = (uint8_t)other;
}

void slots_choose(struct slots_choice *choice, const struct signed_target *target,
                  enum port_reset_cause cause, slots_report report, bool *was_on_trial) {
    memset(choice, 0, sizeof *choice);
    choice->slot = SLOT_SHIPPED;
    *was_on_trial = false;
    if (slots_size() == 0)
        return;
    slots_read();
    *was_on_trial = slots_state()->trial == TRIAL_BEGUN;
    if (choose_trial(choice, target, cause, report)) {
        *was_on_trial = false;
        return;
    }
    uint8_t confirmed = slots_state()->confirmed;
    if (confirmed >= SLOTS)
        return;
    const struct refusal *refusal = open_slot(&choice->bundle, confirmed, target);
    const char *why = refusal ? refusal->text : NULL;
    if (!why && !has_digest(&choice->bundle, slots_state()->confirmed_digest))
        why = "is another one than was confirmed";
    if (why)
        choose_other(choice, target, why, report);
    else
        choice->slot = confirmed;
}

void slots_set_aside(enum port_reset_cause cause, slots_report report) {
    if (slots_size() == 0)
        return;
    slots_read();
    const struct slots_state *state = slots_state();
    if (state->trial == TRIAL_BEGUN) {
        enum slots_revert why = revert_of(cause);
        end_trial(why, slots_revert_text(why), report);
    } else if (state->trial == TRIAL_MARKED) {
        char line[80];
        snprintf(line, sizeof line, "update: slot %u is not tried: its mark is taken back",
                 (unsigned)state->trial_slot);
        report(line);
        if (slots_unmark())
            report("update: the state cannot be written");
    }
}

/* ---- what a client asks for ---- */

static const struct refusal *write_or_refuse(const struct slots_state *state) {
    return slots_write(state) ? NULL : &not_written;
}

/* Takes back a key of the image's. What was revoked before of other images' keys is forgotten. */
static const struct refusal *revoke(const uint8_t hash[SIGNED_HASH_SIZE],
                                    const struct signed_target *target) {
    struct slots_state state = *slots_state();
    state.revoked_count = 0;
    memset(state.revoked, 0, sizeof state.revoked);
    bool is_known = false;
    for (unsigned i = 0; i < target->key_count; i++) {
        bool is_it = memcmp(target->keys[i].hash, hash, SIGNED_HASH_SIZE) == 0;
        is_known |= is_it;
        if ((is_it || slots_is_revoked(target->keys[i].hash)) && state.revoked_count < SLOTS_REVOKED_MAX)
            memcpy(state.revoked[state.revoked_count++], target->keys[i].hash, SIGNED_HASH_SIZE);
    }
    if (!is_known)
        return &other_key;
    if (state.revoked_count == target->key_count)
        return &last_key;
    return write_or_refuse(&state);
}

const struct refusal *slots_markable(unsigned slot, const struct slots_choice *running) {
    const struct slots_state *state = slots_state();
    if (slot >= SLOTS || slots_size() == 0)
        return &no_slot;
    if (state->trial == TRIAL_BEGUN)
        return &trial_runs;
    if (slot == running->slot)
        return slot == state->confirmed ? &is_confirmed : &is_running;
    if (running->slot == SLOT_SHIPPED && slot == state->confirmed)
        return &is_confirmed;
    return NULL;
}

const struct refusal *slots_mark(unsigned slot, bool is_permanent, const struct signed_bundle *bundle,
                                 const struct slots_choice *running, const struct signed_target *target) {
    struct slots_state state = *slots_state();
    const struct refusal *why = slots_markable(slot, running);
    if (why)
        return why;
    if (bundle->revoked)
        return revoke(bundle->revoked, target);
    why = slots_refusal(bundle);
    if (why)
        return why;
    state.trial = TRIAL_MARKED;
    state.trial_slot = (uint8_t)slot;
    state.is_permanent = is_permanent;
    memcpy(state.trial_digest, bundle->digest, sizeof state.trial_digest);
    return write_or_refuse(&state);
}

const struct refusal *slots_unmark(void) {
    if (slots_state()->trial != TRIAL_MARKED)
        return NULL;
    struct slots_state state = *slots_state();
    clear_trial(&state);
    return write_or_refuse(&state);
}

const struct refusal *slots_confirm(struct slots_choice *running) {
    struct slots_state state = *slots_state();
    if (!running->is_trial || state.trial != TRIAL_BEGUN)
        return NULL;
    uint32_t counter = running->bundle.counter;
    uint32_t most =
        state.floor > UINT32_MAX - SLOT_COUNTER_STEP ? UINT32_MAX : state.floor + SLOT_COUNTER_STEP;
    if (counter > state.floor)
        state.floor = counter < most ? counter : most;
    state.confirmed = state.trial_slot;
    memcpy(state.confirmed_digest, state.trial_digest, sizeof state.confirmed_digest);
    state.revert = REVERT_NONE;
    memset(state.reverted_digest, 0, sizeof state.reverted_digest);
    clear_trial(&state);
    const struct refusal *why = write_or_refuse(&state);
    running->is_trial = why != NULL;
    return why;
}
