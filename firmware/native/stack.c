/*
 * stack.c: where an error comes from. The engine asks for a stack when an error is made; here it becomes the
 * functions that were running and, for each of ours, a bundle and an offset in its bytecode. What the offsets
 * are in TypeScript is known on the computer that built the bundle (docs/application.md): the camera
 * holds no table.
 *
 * The engine's own fxCaptureErrorStack and fx_Error_prototype_get_stack are not in the image.
 */
#include "stack.h"

#include "engine_parts.h"

/* A long stack keeps its innermost and its outermost functions, and the number of those between. */
#define INNERMOST 12u
#define OUTERMOST 4u
/* So many of those that run when the machine gives up. */
#define RUNNING 6u
/* So many functions are added while the error comes out of what they await. */
#define WAITING 8u

/* A function that is running, and the place where it is: the next instruction, or the one that throws. */
struct running {
    txSlot *frame;
    const txByte *code;
};

/* Of a call that goes on, the engine keeps where it returns to: the call ends one byte before that. */
static void step_out(struct running *running) {
    const txByte *returns_to = running->frame->value.frame.code;
    running->frame = running->frame->next;
    running->code = returns_to ? returns_to - 1 : NULL;
}

/* NULL for a frame of C. */
static txSlot *function_of(const struct running *running) {
    txSlot *function = running->frame + 3;
    if (function->kind != XS_REFERENCE_KIND || !mxIsFunction(function->value.reference))
        return NULL;
    return function->value.reference;
}

/*
 * Frames that tell a person nothing: C without a name, and the frame that an async function has besides its
 * own until it first waits.
 */
static bool matters(txMachine *the, const struct running *running, txSlot *function) {
    if (!running->code)
        return engine_function_name(the, function) != NULL;
    return *(const txU1 *)running->code != XS_CODE_START_ASYNC;
}

/* The first function at or outside `running`. */
static txSlot *find_function(txMachine *the, struct running *running) {
    for (; running->frame && running->frame->next; step_out(running)) {
        txSlot *function = function_of(running);
        if (function && matters(the, running, function))
            return function;
    }
    return NULL;
}

static struct running innermost(txMachine *the) {
    return (struct running){.frame = the->frame, .code = the->code};
}

/* ---- text ---- */

struct entry {
    const char *name; /* NULL or "" for none */
    enum stack_place place;
    uint32_t offset;
    bool waited; /* the error came to it from what it awaited */
};

static struct entry entry_of(txMachine *the, const struct running *running) {
    struct entry entry = {.name = engine_function_name(the, function_of(running))};
    entry.place = bundles_find(running->code, &entry.offset);
    return entry;
}

static int write_entry(char *text, size_t size, struct entry entry) {
    const char *start = entry.waited ? "\n    at async" : "\n    at";
    bool has_name = entry.name && *entry.name;
    if (entry.place == STACK_NATIVE)
        return snprintf(text, size, "%s %.80s (native)", start, has_name ? entry.name : "a function");
    const char *module = entry.place == STACK_FIRMWARE ? "firmware" : "application";
    unsigned id = (unsigned)bundles_id(entry.place == STACK_APPLICATION);
    if (!has_name)
        return snprintf(text, size, "%s %s %08x+%u", start, module, id, (unsigned)entry.offset);
    return snprintf(text, size, "%s %.80s (%s %08x+%u)", start, entry.name, module, id,
                    (unsigned)entry.offset);
}

void stack_write_callers(txMachine *the, char *text, size_t size) {
    struct running running = innermost(the);
    size_t length = strlen(text);
    unsigned count = 0;
    for (; find_function(the, &running); step_out(&running), count++)
        if (count < RUNNING && length < size)
            length += (size_t)write_entry(text + length, size - length, entry_of(the, &running));
    if (count > RUNNING && length < size)
        snprintf(text + length, size - length, "\n    … %u more", count - RUNNING);
}

/* ---- the stack of an error: a list of slots ---- */

#define PLACE_MASK 3
#define WAITED 4

/* A function is a name, in the form that the collector knows; `ID` has its place, `sum` the offset. */
static txSlot *append_function(txMachine *the, txSlot *last, const struct running *running, bool waited) {
    struct entry entry = entry_of(the, running);
    last = last->next = fxNewSlot(the);
    last->flag = XS_GET_ONLY;
    last->ID = (txID)(entry.place | (waited ? WAITED : 0));
    last->kind = XS_KEY_X_KIND;
    last->value.key.string = NULL;
    last->value.key.sum = entry.offset + (waited ? 1 : 0); /* as if it were inside, like that of a call */
    const txSlot *key = engine_function_key(the, function_of(running));
    if (key) {
        last->kind = key->kind;
        last->value.key.string = key->value.key.string;
    }
    return last;
}

static bool is_waited(const txSlot *entry) {
    return entry->kind != XS_INTEGER_KIND && (entry->ID & WAITED);
}

void __wrap_fxCaptureErrorStack(txMachine *the, txSlot *internal, txSlot *frame);

void __wrap_fxCaptureErrorStack(txMachine *the, txSlot *internal, txSlot *frame) {
    struct running start = innermost(the);
    while (start.frame != frame && start.frame->next)
        step_out(&start);
    unsigned count = 0;
    for (struct running running = start; find_function(the, &running); step_out(&running))
        count++;

    txSlot *last = internal->value.error.info = fxNewSlot(the);
    last->kind = XS_INSTANCE_KIND;
    last->value.instance.garbage = NULL;
    last->value.instance.prototype = NULL;
    unsigned index = 0;
    for (struct running running = start; find_function(the, &running); step_out(&running), index++) {
        if (count <= INNERMOST + OUTERMOST + 1 || index < INNERMOST || index >= count - OUTERMOST) {
            last = append_function(the, last, &running, false);
        } else if (index == INNERMOST) {
            last = last->next = fxNewSlot(the);
            last->flag = XS_GET_ONLY;
            last->kind = XS_INTEGER_KIND;
            last->value.integer = (txInteger)(count - INNERMOST - OUTERMOST);
        }
    }
}

/* Appends error[id] as a string to the result, unless it is undefined or empty. */
static void append_property(txMachine *the, txID id, txString separator, txString otherwise) {
    mxPushSlot(mxThis);
    mxGetID(id);
    if (the->stack->kind == XS_UNDEFINED_KIND) {
        if (otherwise)
            fxConcatStringC(the, mxResult, otherwise);
    } else {
        fxToString(the, the->stack);
        if (the->stack->value.string[0]) {
            fxConcatStringC(the, mxResult, separator);
            fxConcatString(the, mxResult, the->stack);
        }
    }
    mxPop();
}

/* The getter of Error.prototype.stack: name and message as they are now, and the functions. */
void fx_Error_prototype_get_stack(txMachine *the) {
    if (mxThis->kind != XS_REFERENCE_KIND)
        mxTypeError("this is no Error instance");
    txSlot *internal = mxThis->value.reference->next;
    if (!internal || internal->kind != XS_ERROR_KIND)
        return;
    fxStringX(the, mxResult, "");
    append_property(the, mxID(_name), "", "Error");
    append_property(the, mxID(_message), ": ", NULL);
    txSlot *list = internal->value.error.info;
    for (txSlot *entry = list ? list->next : NULL; entry; entry = entry->next) {
        char text[160];
        if (entry->kind == XS_INTEGER_KIND)
            snprintf(text, sizeof text, "\n    … %d more", (int)entry->value.integer);
        else
            write_entry(text, sizeof text,
                        (struct entry){.name = entry->value.key.string,
                                       .place = (enum stack_place)(entry->ID & PLACE_MASK),
                                       .offset = entry->value.key.sum,
                                       .waited = is_waited(entry)});
        fxConcatStringC(the, mxResult, text);
    }
}

/* ---- values without a stack ---- */

/* The last value without a stack that was thrown, and where. */
static struct {
    uint64_t digest; /* 0 for none */
    char entry[160];
} thrown;

static bool has_stack(const txSlot *value) {
    if (value->kind != XS_REFERENCE_KIND)
        return false;
    const txSlot *internal = value->value.reference->next;
    return internal && internal->kind == XS_ERROR_KIND;
}

/* A string moves in memory, an object does not. */
static uint64_t digest_of(const txSlot *value) {
    uint64_t digest = bundle_digest(BUNDLE_DIGEST_START, &value->kind, sizeof value->kind);
    switch (value->kind) {
    case XS_STRING_KIND:
    case XS_STRING_X_KIND:
        return bundle_digest(BUNDLE_DIGEST_START, value->value.string, strlen(value->value.string));
    case XS_REFERENCE_KIND:
        return bundle_digest(digest, &value->value.reference, sizeof value->value.reference);
    case XS_NUMBER_KIND:
        return bundle_digest(digest, &value->value.number, sizeof value->value.number);
    case XS_INTEGER_KIND:
    case XS_BOOLEAN_KIND:
        return bundle_digest(digest, &value->value.integer, sizeof value->value.integer);
    case XS_SYMBOL_KIND:
        return bundle_digest(digest, &value->value.symbol, sizeof value->value.symbol);
    default:
        return digest;
    }
}

void __real_fxJump(txMachine *the) __attribute__((noreturn));
void __wrap_fxJump(txMachine *the) __attribute__((noreturn));

/* An error that came out of what a function awaits is thrown again there: the functions that wait for each
 * other, which no stack has any more, are found one by one. */
static bool comes_from_await(const txU1 *code) {
    switch (code[0]) {
    case XS_CODE_THROW_STATUS:
    case XS_CODE_BRANCH_STATUS_1:
    case XS_CODE_BRANCH_STATUS_2:
    case XS_CODE_BRANCH_STATUS_4:
        return code[-1] == XS_CODE_AWAIT;
    default:
        return false;
    }
}

/* An error of the preloaded machine lies in flash. */
static bool is_in_rom(const txSlot *slot) {
    const struct port_rom *rom = port_rom();
    return rom && (uintptr_t)slot - (uintptr_t)rom->start < rom->size;
}

static void append_waiting(txMachine *the, const struct running *running) {
    txSlot *last = mxException.value.reference->next->value.error.info;
    if (!last)
        return;
    unsigned waiting = 0;
    for (; last->next; last = last->next)
        waiting += is_waited(last->next);
    if (waiting < WAITING && !is_in_rom(last))
        append_function(the, last, running, true);
}

static void note_throw(txMachine *the, const struct running *running) {
    struct running place = *running;
    thrown.entry[0] = 0;
    thrown.digest = digest_of(&mxException);
    if (!find_function(the, &place))
        return;
    struct entry entry = entry_of(the, &place);
    entry.offset++; /* as if it were inside, like that of a call */
    write_entry(thrown.entry, sizeof thrown.entry, entry);
}

/* Every throw comes through here, and again each time that it passes a handler of C or a `finally`. */
void __wrap_fxJump(txMachine *the) {
    struct running running = innermost(the);
    if (running.frame && running.code && !(running.frame->flag & XS_C_FLAG)) {
        const txU1 *code = (const txU1 *)running.code;
        if (!has_stack(&mxException)) {
            if (*code == XS_CODE_THROW)
                note_throw(the, &running);
        } else if (comes_from_await(code) && function_of(&running)) {
            append_waiting(the, &running);
        }
    }
    __real_fxJump(the);
}

void native_thrownAt(txMachine *the) {
    const txSlot *value = native_argument(the, 0);
    fxCopyStringC(the, mxResult, (txString)stack_thrown_at(value));
}

const char *stack_thrown_at(const txSlot *value) {
    return !has_stack(value) && digest_of(value) == thrown.digest ? thrown.entry : "";
}
