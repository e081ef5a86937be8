/*
 * slots.h: two places for signed bundles in the flash area "update", which of them runs, and what must
 * survive a cut of the supply at any operation of flash: what runs is always signed, the confirmed bundle is
 * never lost, and the security counter never falls.
 *
 * The area: two erase units for the state, used by turns, then two slots of equal size. A state is one
 * record, which says everything; the newest whole one counts. Knows neither the engine nor what fits the
 * camera.
 */
#ifndef OBSCURA_SLOTS_H
#define OBSCURA_SLOTS_H

#include "port.h"
#include "signed_bundle.h"

#define SLOTS 2
/* In the place of a slot's number: the application that shipped with the image. */
#define SLOT_SHIPPED 0xff
/* The most that one confirmation raises the security counter's floor by. */
#define SLOT_COUNTER_STEP 1000u

enum slot_trial {
    TRIAL_NONE,
    TRIAL_MARKED, /* begins with the next start */
    TRIAL_BEGUN,  /* has begun: a reset before it is confirmed ends it */
};

struct slots_state {
    uint8_t confirmed; /* slot of the confirmed bundle, or SLOT_SHIPPED */
    uint8_t trial_slot;
    uint8_t trial;        /* enum slot_trial */
    uint8_t is_permanent; /* the client asked for no confirmation of its own: the camera's health confirms */
    uint32_t floor;       /* no bundle with a lower security counter runs, but the one that shipped */
    uint8_t confirmed_digest[SIGNED_HASH_SIZE]; /* which bundle it was; zeros for the shipped one */
    uint8_t trial_digest[SIGNED_HASH_SIZE];
};

/* What starts. */
struct slots_choice {
    uint8_t slot; /* SLOT_SHIPPED when none of the slots does */
    bool is_trial;
    struct signed_bundle bundle; /* of the slot */
};

/* Says what happened to an update, once, as a line for the console: "the trial of slot 1 has ended: …". */
typedef void (*slots_report)(const char *text);

/*
 * Reads the state, and chooses: the trial that is due; the confirmed bundle; if that is damaged, the other
 * slot's, if it verifies; else the shipped one. `is_wake` for a start out of deep sleep, which goes on with a
 * trial.
 */
void slots_choose(struct slots_choice *choice, const struct signed_target *target, bool is_wake,
                  slots_report report);

/* The state as it was last read or written. */
const struct slots_state *slots_state(void);

/* Bytes that a bundle can have; 0 on a board whose area cannot be read in place. */
uint32_t slots_size(void);
/* Where a slot begins in the area "update". */
uint32_t slots_offset(unsigned slot);
/* A slot, readable in place. */
const uint8_t *slots_bytes(unsigned slot);

/* Why a whole verified bundle of a slot may not be tried: NULL when it may. */
const char *slots_refusal(unsigned slot, const struct signed_bundle *bundle);

/*
 * Marks a slot for a trial at the next start. Verifies it once more: false with *problem, a whole sentence,
 * when it does not run here, or when the flash fails.
 */
bool slots_mark(unsigned slot, bool is_permanent, const struct signed_target *target, const char **problem);

/* Takes a mark away; true also where there was none. */
bool slots_unmark(const char **problem);

/* Confirms the trial that runs, and raises the floor. */
bool slots_confirm(const struct slots_choice *running, const char **problem);

/* Whether a slot holds neither the confirmed bundle nor one that is marked or on trial. */
bool slots_is_free(unsigned slot);

#endif
