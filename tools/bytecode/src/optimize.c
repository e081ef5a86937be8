/*
 * optimize.c: shortens the instructions of the engine's code generator, which makes the same few for every
 * case. Each step is there for what it saves of a firmware, in flash and in instructions of the processor:
 *
 * - parameters that are only read are read where the caller put them, and not copied into variables;
 * - variables that are always written before they are read need no mark for "not initialized yet";
 * - literals and patterns take their object from the stack, where it is anyway, and not from a variable;
 * - arrays of no element or one are made without their length first;
 * - templates do not begin and end with strings of nothing;
 * - values that nobody reads are not kept, and variables that nobody uses are not made;
 * - what control cannot reach is left out, and comparisons that always end the same are decided;
 * - loops over iterators that only end keep no number of the way that they ended;
 * - what is taken off the stack before the end of a function is left to the end;
 * - arrow functions that do not use `this` do not keep it;
 * - lists of outer variables have an order that many of them share;
 * - pairs of instructions for which the engine has one, and instructions that do nothing.
 *
 * All of it but the order of outer variables is decided function by function, from the instructions of the
 * function in their order.
 */
#include "optimize.h"

#include "instruction.h"

/* ---- arrow functions ---- */

/* Whether the function's own `this`, `new.target` or `super` matters to it. */
static bool uses_this(const txByteCode *code) {
    switch (code->id) {
    case XS_CODE_DELETE_SUPER:
    case XS_CODE_DELETE_SUPER_AT:
    case XS_CODE_EVAL:
    case XS_CODE_EVAL_ENVIRONMENT:
    case XS_CODE_GET_SUPER:
    case XS_CODE_GET_SUPER_AT:
    case XS_CODE_GET_THIS:
    case XS_CODE_GET_THIS_VARIABLE:
    case XS_CODE_SET_SUPER:
    case XS_CODE_SET_SUPER_AT:
    case XS_CODE_SET_THIS:
    case XS_CODE_STORE_ARROW:
    case XS_CODE_SUPER:
    case XS_CODE_TARGET:
    case XS_CODE_THIS:
        return true;
    default:
        return false;
    }
}

/* What a function in another has behind its code, if it has variables or a `this` of the other: see
 * release_this. */
static void release_environment(txByteCode *environment) {
    bool stores = false;
    txByteCode *code = environment->nextCode;
    for (; code->id == XS_CODE_STORE_1; code = code->nextCode)
        stores = true;
    if (code->id == XS_CODE_STORE_ARROW) {
        code->id = REMOVED;
        code = code->nextCode;
    }
    if (!stores && code->id == XS_CODE_POP)
        environment->id = code->id = REMOVED;
}

/* An arrow function that does not use the `this` of the function around it does not take it along. */
static void release_this(const struct function *function, const txByteCode *end) {
    txByteCode *environment = end->nextCode;
    bool keeps = false;
    for (uint32_t at = 0; at < function->count; at++) {
        keeps |= function->codes[at]->id == XS_CODE_RETRIEVE_THIS;
        if (uses_this(function->codes[at]))
            return;
    }
    if (!keeps || !environment || environment->id != XS_CODE_ENVIRONMENT)
        return;
    for (uint32_t at = 0; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        if (code->id == XS_CODE_RETRIEVE_THIS || code->id == XS_CODE_RETRIEVE_TARGET ||
            is_index(code, XS_CODE_RETRIEVE_1, 0))
            code->id = REMOVED;
    }
    release_environment(environment);
}

/* ---- neighbours ---- */

/* Makes one of two instructions behind `before`. Returns whether there was anything to do. */
static bool join(const txByteCode *before, txByteCode *code, txByteCode *next) {
    txIndexCode *own = (txIndexCode *)code;
    switch (code->id) {
    case XS_CODE_SET_LOCAL_1:
    case XS_CODE_SET_CLOSURE_1:
        if (next->id != XS_CODE_POP)
            return false;
        code->id = code->id == XS_CODE_SET_LOCAL_1 ? XS_CODE_PULL_LOCAL_1 : XS_CODE_PULL_CLOSURE_1;
        break;
    case XS_CODE_PULL_LOCAL_1:
        if (!is_index(next, XS_CODE_GET_LOCAL_1, own->index))
            return false;
        code->id = XS_CODE_SET_LOCAL_1;
        break;
    case XS_CODE_INTEGER_1: /* void 0 */
        if (next->id != XS_CODE_VOID || takes_flags(before))
            return false;
        code->id = XS_CODE_UNDEFINED;
        break;
    case XS_CODE_UNWIND_1:
        if (next->id != XS_CODE_UNWIND_1)
            return false;
        own->index += ((txIndexCode *)next)->index;
        break;
    default:
        return false;
    }
    next->id = REMOVED;
    return true;
}

static void join_neighbours(const struct function *function) {
    const txByteCode *before = function->codes[0];
    for (uint32_t at = 0; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        if (is_index(code, XS_CODE_RESERVE_1, 0) || code->id == XS_CODE_REFRESH_LOCAL_1)
            code->id = REMOVED; /* it does nothing */
        if (code->id == REMOVED)
            continue;
        txByteCode *next = next_of(function, at);
        while (next && join(before, code, next))
            next = next_of(function, at);
        before = code;
    }
}

/* ---- functions ---- */

/* A function whose instructions begin at `first` and end before `end`, after the functions in it. */
static void optimize_function(txByteCode *first, const txByteCode *end) {
    struct function function = {.count = 0};
    for (txByteCode *code = first; code != end; code = code->nextCode) {
        function.count++;
        if (code->id == XS_CODE_CODE_1) {
            optimize_function(code->nextCode, target_of(code));
            for (const txByteCode *behind = target_of(code); code->nextCode != behind;)
                code = code->nextCode;
        }
    }
    function.codes = allocate((function.count + 1) * sizeof *function.codes);
    uint32_t at = 0;
    for (txByteCode *code = first; code != end;) {
        function.codes[at] = code;
        if (code->id == XS_NO_CODE)
            ((txTargetCode *)code)->index = (txInteger)at;
        at++;
        code = code->id == XS_CODE_CODE_1 ? target_of(code) : code->nextCode;
    }
    optimize_reach(&function);
    optimize_variables(&function);
    optimize_values(&function);
    if (end)
        release_this(&function, end);
    join_neighbours(&function);
    optimize_unused(&function);
    join_neighbours(&function);
    optimize_flow(&function);
    join_neighbours(&function);
    if (end)
        optimize_environments(&function);
    free(function.codes);
}

void optimize(txByteCode *first) {
    optimize_function(first, NULL);
    /* The first is the module itself. */
    for (txByteCode *code = first; code->nextCode;) {
        if (code->nextCode->id == REMOVED)
            code->nextCode = code->nextCode->nextCode;
        else
            code = code->nextCode;
    }
}
