/*
 * natives_update.c: the natives of the slots. JavaScript sees two images: 0 is what runs, 1 the other slot.
 * What changes a slot's bytes goes through the natives of flash, after updateTouch has allowed it.
 */
#include "natives_absent.h"
#include "power_ons.h"
#include "put_off.h"
#include "running.h"
#include "trusted_keys.h"

/* The verification under way, or the last one, of image 1. */
static struct {
    struct signed_check check;
    struct signed_bundle bundle;
    bool has_begun;
    bool is_whole; /* has ended, and nothing has been written since */
    bool is_sound; /* and there was no problem */
} verification;

static unsigned other(void) {
    return slots_other(update_running()->choice.slot);
}

/* ---- results ---- */

static void set_boolean(txMachine *the, bool value) {
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = value;
}

static txSlot *begin_object(txMachine *the) {
    mxPush(mxObjectPrototype);
    return fxLastProperty(the, fxNewObjectInstance(the));
}

static txSlot *add_number(txMachine *the, txSlot *last, const char *name, double value) {
    return fxNextNumberProperty(the, last, value, fxNewNameX(the, (txString)name), XS_NO_FLAG);
}

static txSlot *add_boolean(txMachine *the, txSlot *last, const char *name, bool value) {
    return fxNextBooleanProperty(the, last, value, fxNewNameX(the, (txString)name), XS_NO_FLAG);
}

static txSlot *add_text(txMachine *the, txSlot *last, const char *name, const char *text) {
    return fxNextStringXProperty(the, last, (txString)text, fxNewNameX(the, (txString)name), XS_NO_FLAG);
}

/* Pushes a Uint8Array. `bytes` do not lie in the engine's memory. */
static void push_bytes(txMachine *the, const uint8_t *bytes, uint32_t length) {
    memcpy(native_result_bytes(the, length), bytes, length);
    mxPushSlot(mxResult);
}

static txSlot *add_bytes(txMachine *the, txSlot *last, const char *name, const uint8_t *bytes,
                         uint32_t length) {
    push_bytes(the, bytes, length);
    last = fxNextSlotProperty(the, last, the->stack, fxNewNameX(the, (txString)name), XS_NO_FLAG);
    mxPop();
    return last;
}

static void return_object(txMachine *the) {
    mxPullSlot(mxResult);
}

/* { code, text }; undefined for none. */
static void return_refusal(txMachine *the, const struct refusal *refusal) {
    mxResult->kind = XS_UNDEFINED_KIND;
    if (!refusal)
        return;
    txSlot *last = begin_object(the);
    last = add_text(the, last, "code", refusal->code);
    add_text(the, last, "text", refusal->text);
    return_object(the);
}

/* ---- what there is ---- */

void native_updateState(txMachine *the) {
    static const char *const kinds[] = {
        [RUNNING_CONFIRMED] = "confirmed",
        [RUNNING_TRIAL] = "trial",
        [RUNNING_SHIPPED] = "shipped",
        [RUNNING_RECOVERY] = "recovery",
    };
    const struct running *running = update_running();
    const struct slots_state *state = slots_state();
    const char *revert = slots_revert_text((enum slots_revert)state->revert);
    bool has_slots = slots_size() > 0;
    txSlot *last = begin_object(the);
    last = add_text(the, last, "running", kinds[running->kind]);
    last = add_number(the, last, "slotBytes", slots_size());
    last = add_number(the, last, "offset", has_slots ? slots_offset(other()) : 0);
    last = add_number(the, last, "slot", has_slots ? other() : 0);
    last = add_boolean(the, last, "trustsEverybody", trusted_keys_are_for_development());
    if (running->kind == RUNNING_TRIAL)
        last = add_number(the, last, "trialLeftMs", (double)(update_trial_left_us() / 1000));
    last = add_boolean(the, last, "awaitsReach", update_awaits_reach());
    last = add_number(the, last, "windowMs", (double)(put_off_left_us() / 1000));
    last = add_number(the, last, "pairingMs", (double)(put_off_pairing_left_us() / 1000));
    last = add_number(the, last, "powerOnRecoveries", power_ons_recoveries());
    const struct put_off *sleep = put_off_sleep();
    if (sleep->sources) {
        last = add_number(the, last, "wakeSources", sleep->sources);
        if (sleep->sources & PORT_WAKE_TIMER)
            last = add_number(the, last, "wakeAtMs", (double)sleep->wake_us / 1000);
    }
    if (bundles_application_problem())
        last = add_text(the, last, "problem", bundles_application_problem());
    if (revert)
        add_text(the, last, "revert", revert);
    return_object(the);
}

/* The bundle that is image `index`; false when there is none. */
static bool find_image(unsigned index, struct signed_bundle *bundle) {
    const struct running *running = update_running();
    bool is_shipped = index == 0 ? running->kind == RUNNING_SHIPPED
                                 : running->kind == RUNNING_TRIAL && slots_state()->confirmed == SLOT_SHIPPED;
    size_t size;
    if (is_shipped) {
        const void *bytes = port_application(&size);
        return bytes && !signed_frame_read(bundle, bytes, size);
    }
    if (slots_size() == 0 || (index == 0 && running->choice.slot == SLOT_SHIPPED))
        return false;
    unsigned slot = index == 0 ? running->choice.slot : other();
    return !signed_frame_read(bundle, slots_bytes(slot), slots_size());
}

void native_updateImage(txMachine *the) {
    unsigned index = native_unsigned(the, 0, "index", 1);
    const struct running *running = update_running();
    const struct slots_state *state = slots_state();
    struct signed_bundle bundle;
    if (!find_image(index, &bundle))
        return;
    uint8_t version[8], digest[SIGNED_HASH_SIZE];
    memcpy(version, bundle.version, sizeof version);
    memcpy(digest, bundle.digest, sizeof digest);
    bool is_trial = running->kind == RUNNING_TRIAL;
    bool is_pending = index == 1 && state->trial == TRIAL_MARKED && state->trial_slot == other();
    txSlot *last = begin_object(the);
    last = add_bytes(the, last, "version", version, sizeof version);
    last = add_bytes(the, last, "hash", digest, sizeof digest);
    last = add_boolean(the, last, "confirmed", index == 0 ? !is_trial : is_trial);
    last = add_boolean(the, last, "pending", is_pending);
    last = add_boolean(the, last, "permanent", is_pending && state->is_permanent);
    add_boolean(the, last, "bootable", index == 0 || (is_trial && !is_pending) || verification.is_sound);
    return_object(the);
}

/* ---- image 1 ---- */

void native_updateTouch(txMachine *the) {
    const struct refusal *refusal = slots_writable(other(), &update_running()->choice);
    if (!refusal) {
        verification.has_begun = verification.is_whole = verification.is_sound = false;
        update_is_used();
    }
    return_refusal(the, refusal);
}

void native_updateVerifyBegin(txMachine *the) {
    if (slots_size() == 0)
        mxUnknownError("updateVerifyBegin: this board has no slots");
    signed_check_begin(&verification.check, &verification.bundle, slots_bytes(other()), slots_size(),
                       update_target());
    verification.has_begun = true;
    verification.is_whole = verification.is_sound = false;
    update_is_used();
}

void native_updateVerifyStep(txMachine *the) {
    if (!verification.has_begun)
        mxUnknownError("updateVerifyStep: the slot has been written, or nothing has begun");
    bool has_ended = signed_check_step(&verification.check, SIGNED_STEP_SIZE);
    if (has_ended) {
        const struct refusal *why = signed_check_problem(&verification.check);
        if (!why)
            why = slots_refusal(&verification.bundle);
        verification.check.problem = why;
        verification.is_whole = true;
        verification.is_sound = why == NULL;
    }
    set_boolean(the, has_ended);
}

void native_updateVerified(txMachine *the) {
    if (!verification.is_whole)
        mxUnknownError("updateVerified: no verification has ended");
    const struct signed_check *check = &verification.check;
    const struct refusal *why = signed_check_problem(check);
    txSlot *last = begin_object(the);
    last = add_number(the, last, "length", verification.bundle.length);
    if (check->has_file_hash)
        last = add_bytes(the, last, "fileHash", check->file_hash, SIGNED_HASH_SIZE);
    if (why) {
        last = add_text(the, last, "code", why->code);
        add_text(the, last, "text", why->text);
    }
    return_object(the);
}

void native_updateMark(txMachine *the) {
    bool is_permanent = fxToBoolean(the, native_argument(the, 0));
    if (!verification.is_sound)
        mxUnknownError("updateMark: what is in the slot has not been verified");
    return_refusal(the, slots_mark(other(), is_permanent, &verification.bundle, &update_running()->choice,
                                   update_target()));
}

void native_updateUnmark(txMachine *the) {
    return_refusal(the, slots_unmark());
}

void native_updateConfirm(txMachine *the) {
    return_refusal(the, update_confirm());
}

void native_updateReached(txMachine *the) {
    (void)the;
    update_is_reached();
}

void native_updatePaired(txMachine *the) {
    (void)the;
    put_off_paired();
}
