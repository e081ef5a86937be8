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

/* Why the last trial ended without having been confirmed. */
enum slots_revert {
    REVERT_NONE,
    REVERT_RESET,     /* a client or the supply restarted the camera */
    REVERT_FAULT,     /* it failed; the console had the line */
    REVERT_WATCHDOG,  /* it did not return to the event loop */
    REVERT_DEADLINE,  /* nobody confirmed it in time */
    REVERT_REFUSED,   /* its bundle does not verify any more */
    REVERT_UNREACHED, /* it was to confirm itself, and nobody could have connected to the camera */
    REVERTS
};

/* Keys that a state keeps as revoked: as many as an image can trust. */
#define SLOTS_REVOKED_MAX 4

struct slots_state {
    uint8_t confirmed; /* slot of the confirmed bundle, or SLOT_SHIPPED */
    uint8_t trial_slot;
    uint8_t trial;        /* enum slot_trial */
    uint8_t is_permanent; /* the client asked for no confirmation of its own: the camera's health confirms */
    uint32_t floor;       /* no bundle with a lower security counter runs, but the one that shipped */
    uint8_t confirmed_digest[SIGNED_HASH_SIZE]; /* which bundle it was; zeros for the shipped one */
    uint8_t trial_digest[SIGNED_HASH_SIZE];
    uint8_t reverted_digest[SIGNED_HASH_SIZE]; /* of the last trial that ended unconfirmed */
    uint8_t revert;                            /* enum slots_revert: why it did */
    uint8_t revoked_count;
    uint8_t reserved[2];
    uint8_t revoked[SLOTS_REVOKED_MAX][SIGNED_HASH_SIZE]; /* hashes of keys that sign nothing any more */
};

/* ---- slots_state.c ---- */

/* Reads the state from flash. */
void slots_read(void);

/* The state as it was last read or written. */
const struct slots_state *slots_state(void);

/* Writes a state. False when the flash fails: the one before counts. */
bool slots_write(const struct slots_state *state);

/* ---- slots.c ---- */

/* What starts. */
struct slots_choice {
    uint8_t slot; /* SLOT_SHIPPED when none of the slots does */
    bool is_trial;
    struct signed_bundle bundle; /* of the slot */
};

/* Says what happened to an update, once, as a line for the console: "update: the trial of slot 1 has ended:
 * …". */
typedef void (*slots_report)(const char *text);

/* Whether the start goes on where the camera fell asleep. */
bool slots_is_wake(enum port_reset_cause cause);

/*
 * Reads the state, and chooses: the trial that is due; the confirmed bundle; if that is damaged, the other
 * slot's, if it verifies and is not the one that was reverted last; else the shipped one. A start out of deep
 * sleep goes on with a trial. *was_on_trial becomes true when this start ends one.
 */
void slots_choose(struct slots_choice *choice, const struct signed_target *target,
                  enum port_reset_cause cause, slots_report report, bool *was_on_trial);

/*
 * Reads the state in place of slots_choose, for a start that runs no application: ends a trial that has
 * begun, and takes a mark back, so that a client can upload.
 */
void slots_set_aside(enum port_reset_cause cause, slots_report report);

/* Bytes that a bundle can have; 0 on a board whose area cannot be read in place. */
uint32_t slots_size(void);
/* Where a slot begins in the area "update". */
uint32_t slots_offset(unsigned slot);
/* A slot, readable in place. */
const uint8_t *slots_bytes(unsigned slot);

/*
 * The slot that clients see beside what runs: the one that an upload goes to. `running` is a slot or
 * SLOT_SHIPPED.
 */
unsigned slots_other(uint8_t running);

/*
 * What follows returns NULL, or a refusal whose text is a whole sentence; then nothing has changed.
 */

/* Whether a slot may be erased and written: it holds nothing that runs, may run again, or is marked. */
const struct refusal *slots_writable(unsigned slot, const struct slots_choice *running);

/* Whether a slot may be marked, whatever is in it. */
const struct refusal *slots_markable(unsigned slot, const struct slots_choice *running);

/* Why a whole verified bundle of a slot may not be tried; the text ends a sentence that begins with it. */
const struct refusal *slots_refusal(const struct signed_bundle *bundle);

/*
 * Marks a slot for a trial at the next start. `bundle` is what has just been verified there. A revocation is
 * carried out instead: from now on its key signs nothing.
 */
const struct refusal *slots_mark(unsigned slot, bool is_permanent, const struct signed_bundle *bundle,
                                 const struct slots_choice *running, const struct signed_target *target);

/* Takes a mark away; nothing happens where there is none. */
const struct refusal *slots_unmark(void);

/* Confirms the trial that runs, and raises the floor. */
const struct refusal *slots_confirm(struct slots_choice *running);

/* Ends the trial that runs, for this reason. The next start runs what was confirmed. */
bool slots_revert(enum slots_revert why);

/* Whether a key of this hash has been revoked: for signed_target. */
bool slots_is_revoked(const uint8_t hash[SIGNED_HASH_SIZE]);

/* Why the last trial ended, as the end of a sentence; NULL when none has. */
const char *slots_revert_text(enum slots_revert why);

#endif
