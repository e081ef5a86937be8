/*
 * update.c: which application this start runs, verified before the engine sees a byte of it; how long a trial
 * may take; and the recovery service, which is what runs when no application can.
 */
#include <stdio.h>
#include <string.h>

#include "power_ons.h"
#include "put_off.h"
#include "running.h"
#include "runtime.h"
#include "trusted_keys.h"
#include "update.h"

#define US_PER_MS UINT64_C(1000)
/* A trial that asks for no confirmation is confirmed once it has run for this part of the time that others
 * have, and the camera has been within reach meanwhile. */
#define HEALTHY_PART 5u
/* Failed starts in a row, after which the recovery service runs once. */
#define FAILURES_MAX 3u

/* In port_retained, behind what failure.c has there: a trial goes on through deep sleep. */
#define RETAINED_OFFSET 16u
#define RETAINED_MAGIC 0x4f425430u
struct trial_clock {
    uint32_t magic;
    uint32_t undisturbed_ms : 31; /* after began_us: since when the controller has not failed */
    uint32_t is_reached : 1;      /* since then the camera has been within reach of who manages it */
    uint64_t began_us;            /* of port_rtc_us */
};
_Static_assert(RETAINED_OFFSET + sizeof(struct trial_clock) <= PORT_RETAINED_SIZE, "fits beside failure.c's");

static struct running running = {.kind = RUNNING_RECOVERY};
static struct signed_target target;
/* In port_clock_us: when the trial, or the recovery service, ends. */
static uint64_t deadline_us = PORT_NEVER;
/* When a trial that asks for no confirmation has run for long enough. */
static uint64_t healthy_us = PORT_NEVER;
/* The container that was accepted last: at start, the one that runs. */
static struct bundle opened;
static bool is_starting;
/* The recovery service runs for a while, and the application is tried again. */
static bool tries_again;

struct running *update_running(void) {
    return &running;
}

const struct signed_target *update_target(void) {
    return &target;
}

/* ---- what may run ---- */

/*
 * The container of a bundle that has been verified. Its checksum adds nothing to the signature, and at start
 * only a sentence for who made the file wrong; a step of a verification has no time for it.
 */
static const struct refusal *accept_container(const uint8_t *container, size_t size) {
    static struct refusal refusal = {.code = "malformed"};
    refusal.text =
        is_starting ? bundle_open(&opened, container, size) : bundle_read(&opened, container, size);
    if (!refusal.text && opened.kind != BUNDLE_APPLICATION)
        refusal.text = "is a firmware";
    return refusal.text ? &refusal : NULL;
}

static void set_target(void) {
    uint64_t digest = bundle_interface_digest();
    target = (struct signed_target){
        .board = BOARD_NAME,
        .engine = {XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION},
        .root = trusted_root(),
        .is_revoked = slots_is_revoked,
        .accepts = accept_container,
    };
    for (unsigned i = 0; i < sizeof target.interface_digest; i++)
        target.interface_digest[i] = (uint8_t)(digest >> 8 * i);
    target.keys = trusted_keys(&target.key_count);
}

static void warn_of_development(void) {
    if (trusted_keys_are_for_development())
        console_line(CONSOLE_WARNING, "this image trusts the development key: anybody can sign for it");
}

static void report(const char *text) {
    console_text(CONSOLE_WARNING, text);
}

/* ---- the trial's clock ---- */

static struct trial_clock *trial_clock(void) {
    return (struct trial_clock *)((uint8_t *)port_retained() + RETAINED_OFFSET);
}

/* Does not return. */
static void revert_trial(enum slots_revert why) {
    console_line(CONSOLE_WARNING, "update: the trial of slot %u has ended: %s", (unsigned)running.choice.slot,
                 slots_revert_text(why));
    /* Where it cannot be written, the reset ends it all the same. */
    (void)slots_revert(why);
    port_reset();
}

/* In port_clock_us: the trial's time `at_us`, of which `passed_us` have passed. */
static uint64_t time_of(uint64_t at_us, uint64_t passed_us) {
    return port_clock_us() + (at_us > passed_us ? at_us - passed_us : 0);
}

static void start_trial_clock(void) {
    struct trial_clock *clock = trial_clock();
    uint64_t now = port_rtc_us();
    bool goes_on = put_off_goes_on() || failure_was_of_controller();
    if (!goes_on || clock->magic != RETAINED_MAGIC || clock->began_us > now)
        *clock = (struct trial_clock){.magic = RETAINED_MAGIC, .began_us = now};
    uint64_t most = port_trial_ms(TRIAL_MS) * US_PER_MS;
    uint64_t passed = now - clock->began_us;
    if (failure_was_of_controller()) {
        /* Before it runs: it may end again before its deadline is looked at. */
        if (passed >= most)
            revert_trial(REVERT_DEADLINE);
        clock->undisturbed_ms = (uint32_t)(passed / US_PER_MS);
        clock->is_reached = false;
    }
    deadline_us = time_of(most, passed);
    if (slots_state()->is_permanent)
        healthy_us = time_of(clock->undisturbed_ms * US_PER_MS + most / HEALTHY_PART, passed);
}

bool update_awaits_reach(void) {
    return running.kind == RUNNING_TRIAL && slots_state()->is_permanent && !trial_clock()->is_reached;
}

void update_is_reached(void) {
    if (running.kind == RUNNING_TRIAL)
        trial_clock()->is_reached = true;
}

/* When the trial that asks for no confirmation is confirmed, as far as that is known. */
static uint64_t confirmation_us(void) {
    return healthy_us != PORT_NEVER && trial_clock()->is_reached ? healthy_us : PORT_NEVER;
}

static uint64_t sooner(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

uint64_t update_next(void) {
    return sooner(sooner(confirmation_us(), deadline_us), power_ons_next());
}

static void confirm_trial(void) {
    healthy_us = PORT_NEVER;
    const struct refusal *why = update_confirm();
    if (!why)
        console_line(CONSOLE_INFO, "update: the trial is confirmed: it runs without a failure");
    else
        console_line(CONSOLE_ERROR, "update: %s", why->text);
}

void update_due(void) {
    uint64_t now = port_clock_us();
    if (power_ons_next() <= now)
        power_ons_due();
    /* Before the deadline, which may have passed in a sleep. */
    if (confirmation_us() <= now)
        return confirm_trial();
    if (deadline_us > now)
        return;
    deadline_us = PORT_NEVER;
    if (running.kind == RUNNING_TRIAL)
        revert_trial(update_awaits_reach() ? REVERT_UNREACHED : REVERT_DEADLINE);
    else if (running.kind == RUNNING_RECOVERY && tries_again) {
        console_line(CONSOLE_INFO, "update: the recovery service ends: trying the application again");
        port_reset();
    }
}

const struct refusal *update_confirm(void) {
    const struct refusal *why = slots_confirm(&running.choice);
    if (!why && running.kind == RUNNING_TRIAL) {
        running.kind = RUNNING_CONFIRMED;
        deadline_us = healthy_us = PORT_NEVER;
    }
    return why;
}

uint64_t update_trial_left_us(void) {
    uint64_t now = port_clock_us();
    return deadline_us > now ? deadline_us - now : 0;
}

void update_is_used(void) {
    if (running.kind == RUNNING_RECOVERY && deadline_us != PORT_NEVER)
        deadline_us = port_clock_us() + port_trial_ms(TRIAL_MS) * US_PER_MS;
}

/* ---- at start ---- */

static void recover(bool is_for_a_while) {
    running.kind = RUNNING_RECOVERY;
    running.choice.slot = SLOT_SHIPPED;
    running.choice.is_trial = false;
    tries_again = is_for_a_while;
    deadline_us = is_for_a_while ? port_clock_us() + port_trial_ms(TRIAL_MS) * US_PER_MS : PORT_NEVER;
}

void update_cannot_run(void) {
    if (running.kind == RUNNING_TRIAL) {
        /* Its container is sound, and asks for what this board does not have. */
        console_line(CONSOLE_WARNING, "update: the trial of slot %u has ended: %s",
                     (unsigned)running.choice.slot, slots_revert_text(REVERT_REFUSED));
        (void)slots_revert(REVERT_REFUSED);
        port_reset();
    }
    recover(false);
}

/* Opens the application that shipped with the image. It is exempt from the counter: nobody can upload it. */
static bool open_shipped(char *problem, size_t size) {
    size_t most;
    const void *bytes = port_application(&most);
    if (!bytes) {
        snprintf(problem, size, "there is no application");
        return false;
    }
    struct signed_bundle shipped;
    const struct refusal *why = signed_bundle_open(&shipped, bytes, most, &target);
    if (why || shipped.revoked) {
        snprintf(problem, size, "the application %s", why ? why->text : "is a revocation");
        return false;
    }
    return true;
}

/* Whether this power-on is one that leaves every application out. */
static bool recovers_by_power_ons(char *problem, size_t size) {
    const char *why;
    uint32_t in_a_row = power_ons_start(&why);
    if (in_a_row == 0) {
        if (why)
            console_line(CONSOLE_WARNING, "update: %s", why);
        return false;
    }
    snprintf(problem, size, "power has come %u times in a row for less than %u s: the recovery service runs",
             (unsigned)in_a_row, (unsigned)(port_power_on_ms(POWER_ON_MS) / 1000));
    slots_set_aside(port_reset_cause(), report);
    recover(true);
    return true;
}

static bool find_application(struct bundle *application, char *problem, size_t size) {
    bool was_on_trial = false;
    /* A trial goes on through sleep, and when the controller has failed, which is no fault of the
     * application. */
    bool goes_on = put_off_sleep()->sources || failure_was_of_controller();
    enum port_reset_cause cause = goes_on ? PORT_RESET_WAKE_TIMER : port_reset_cause();
    slots_choose(&running.choice, &target, cause, report, &was_on_trial);
    /* The failures were those of a trial that has ended, or of what ran before this one. */
    if (was_on_trial || running.choice.is_trial)
        failure_forget();
    if (failure_count() % (FAILURES_MAX + 1) == FAILURES_MAX) {
        snprintf(problem, size, "the application has failed %u times in a row: the recovery service runs",
                 FAILURES_MAX);
        recover(true);
        return false;
    }
    if (running.choice.slot == SLOT_SHIPPED) {
        running.kind = RUNNING_SHIPPED;
        if (!open_shipped(problem, size)) {
            recover(false);
            return false;
        }
    } else {
        running.kind = running.choice.is_trial ? RUNNING_TRIAL : RUNNING_CONFIRMED;
    }
    if (running.kind == RUNNING_TRIAL) {
        console_line(CONSOLE_INFO, "update: slot %u is on trial", (unsigned)running.choice.slot);
        start_trial_clock();
    }
    warn_of_development();
    if (put_off_sleep()->sources) {
        snprintf(problem, size, "the application sleeps");
        return false;
    }
    *application = opened;
    return true;
}

bool update_find_application(struct bundle *application, char *problem, size_t size) {
    set_target();
    put_off_start();
    is_starting = true;
    bool is_found = !recovers_by_power_ons(problem, size) && find_application(application, problem, size);
    is_starting = false;
    return is_found;
}
