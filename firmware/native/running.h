/* running.h: what runs, for the natives of updates (natives_update.c); update.c has it. */
#ifndef OBSCURA_RUNNING_H
#define OBSCURA_RUNNING_H

#include "slots.h"

enum running_kind { RUNNING_CONFIRMED, RUNNING_TRIAL, RUNNING_SHIPPED, RUNNING_RECOVERY };

struct running {
    enum running_kind kind;
    struct slots_choice choice;
};

struct running *update_running(void);

/* What a bundle must fit here. */
const struct signed_target *update_target(void);

/* Confirms what runs. NULL, or a refusal whose text is a whole sentence. */
const struct refusal *update_confirm(void);

/* Of a trial: microseconds until it ends unless it is confirmed. */
uint64_t update_trial_left_us(void);

/* Whether the trial that runs is confirmed by the camera itself, and still has to be within reach for that.
 */
bool update_awaits_reach(void);

/* Whoever manages the camera has connected to it, or could have. */
void update_is_reached(void);

/* Somebody uploads: the recovery service stays. */
void update_is_used(void);

#endif
