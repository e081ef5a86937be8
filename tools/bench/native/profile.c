/*
 * profile.c: shares the ticks of a window out among functions that are called from JavaScript, in bytecode or
 * in C. What C does for such a function is that function's; what it does before any is called belongs to no
 * function.
 */
#include "profile.h"

#include "counter.h"
#include "runtime.h"

#define FUNCTIONS 2000
#define NAME_SIZE 64

static const char *const kinds[] = {"none", "interrupt", "collector", "bytecode", "c"};
enum kind { NONE, INTERRUPT, COLLECTOR, BYTECODE, C };

struct function {
    const void *code;
    enum kind kind;
    char name[NAME_SIZE];
    uint32_t calls;
    uint32_t ticks;
};

/* The first stand for no function, for interrupts, and for the collection of garbage between turns. */
static struct function functions[FUNCTIONS];
static unsigned count = BYTECODE;
/* What runs; a tail call takes its caller's frame, so frames alone do not tell. */
static struct function *current = functions;
static bool open;
static bool paused;
static uint32_t since;

/* Functions have no property "name", but the engine knows what each was defined as. */
static const char *defined_as(txMachine *the, txSlot *instance) {
    const char *name = fxGetKeyName(the, instance->next->ID);
    return name ? name : "";
}

/* "Class.method", "function", or what of it there is. */
static void put_name(txMachine *the, txSlot *instance, char *name) {
    txSlot *home = instance->next->next, *constructor = NULL;
    if (home && home->kind == XS_HOME_KIND && home->value.home.object)
        constructor = mxBehaviorGetProperty(the, home->value.home.object, mxID(_constructor), 0, XS_ANY);
    bool owned = constructor && constructor->kind == XS_REFERENCE_KIND;
    snprintf(name, NAME_SIZE, "%s%s%s", owned ? defined_as(the, constructor->value.reference) : "",
             owned ? "." : "", defined_as(the, instance));
}

static struct function *find(txMachine *the, txSlot *slot) {
    txSlot *instance = slot && slot->kind == XS_REFERENCE_KIND ? slot->value.reference : NULL;
    if (!instance || !instance->next)
        return functions;
    enum kind kind =
        instance->next->kind == XS_CODE_KIND || instance->next->kind == XS_CODE_X_KIND ? BYTECODE : C;
    const void *code = kind == BYTECODE ? (const void *)instance->next->value.code.address
                                        : (const void *)instance->next->value.callback.address;
    for (unsigned i = 0; i < count; i++)
        if (functions[i].code == code)
            return &functions[i];
    if (count == FUNCTIONS)
        return functions;
    struct function *function = &functions[count++];
    function->code = code;
    function->kind = kind;
    put_name(the, instance, function->name);
    return function;
}

/*
 * Lets some instructions pass, a different number each time: a tick is 40 instructions, and work that always
 * begins at the same distance from a tick would always be counted as too many or too few.
 */
static void dither(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    for (volatile uint32_t i = state >> 27; i; i--) {
    }
}

/* What has passed belongs to `function`. */
static void attribute(struct function *function, uint32_t now) {
    if (open && !paused)
        function->ticks += now - since;
}

static void go_on(void) {
    dither();
    since = counter_ticks();
}

void profile_enter(txMachine *the, txSlot *function) {
    attribute(current, counter_ticks());
    current = find(the, function);
    if (open)
        current->calls++;
    go_on();
}

void profile_leave(txMachine *the, txSlot *function) {
    attribute(current, counter_ticks());
    txSlot *frame = (function - 3)->next;
    current = find(the, frame ? frame + 3 : NULL);
    go_on();
}

void profile_reset(void) {
    functions[INTERRUPT].kind = INTERRUPT;
    functions[COLLECTOR].kind = COLLECTOR;
    for (unsigned i = 0; i < count; i++)
        functions[i].calls = functions[i].ticks = 0;
    open = false;
}

void profile_open(void) {
    open = true;
    paused = false;
    go_on();
}

void profile_close(void) {
    attribute(current, counter_ticks());
    open = false;
}

void profile_pause(void) {
    attribute(current, counter_ticks());
    paused = true;
}

void profile_resume(void) {
    paused = false;
    go_on();
}

void __real_heap_collect(txMachine *the);
void __wrap_heap_collect(txMachine *the);

void __wrap_heap_collect(txMachine *the) {
    attribute(current, counter_ticks());
    go_on();
    __real_heap_collect(the);
    attribute(&functions[COLLECTOR], counter_ticks());
    if (open)
        functions[COLLECTOR].calls++;
    go_on();
}

void profile_interrupt(uint32_t ticks) {
    if (!open)
        return;
    functions[INTERRUPT].calls++;
    functions[INTERRUPT].ticks += ticks;
    since += ticks;
}

void profile_report(const char *figure) {
    for (unsigned i = 0; i < count; i++)
        if (functions[i].ticks || functions[i].calls)
            console_line(CONSOLE_INFO, "bench: profile %s %u %u %u", figure, i, (unsigned)functions[i].calls,
                         (unsigned)COUNTER_INSTRUCTIONS(functions[i].ticks));
}

void profile_report_functions(void) {
    for (unsigned i = 0; i < count; i++)
        console_line(CONSOLE_INFO, "bench: function %u %s %u %s", i, kinds[functions[i].kind],
                     (unsigned)(uintptr_t)functions[i].code, functions[i].name);
}
