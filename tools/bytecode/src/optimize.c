/*
 * optimize.c: shortens the instructions of the engine's code generator, which makes the same few for every
 * case. Each step is there for what it saves of a firmware, in flash and in instructions of the processor:
 *
 * - parameters that are only read are read where the caller put them, and not copied into variables;
 * - variables that are always written before they are read need no mark for "not initialized yet";
 * - object literals and patterns take their object from the stack, where it is anyway, and not from a
 * variable;
 * - values that nobody reads are not kept, and variables that nobody uses are not made;
 * - arrow functions that do not use `this` do not keep it;
 * - pairs of instructions for which the engine has one, and instructions that do nothing.
 *
 * All of it is decided function by function, from the instructions of the function in their order. Jumps out
 * of a place between a variable's declaration and its first value, or into one, leave the variable as it is.
 */
#include "optimize.h"

#include "compiler.h"
#include "xsCodeNodes.h"

#define REMOVED (-1)

/* The instructions of a function, without those of the functions in it. A target's `index` is its place here.
 */
struct function {
    txByteCode **codes;
    uint32_t count;
};

static txByteCode *target_of(const txByteCode *branch) {
    return (txByteCode *)((const txBranchCode *)branch)->target;
}

/* ---- what an instruction is ---- */

static bool is_branch(const txByteCode *code) {
    switch (code->id) {
    case XS_CODE_BRANCH_1:
    case XS_CODE_BRANCH_CHAIN_1:
    case XS_CODE_BRANCH_COALESCE_1:
    case XS_CODE_BRANCH_ELSE_1:
    case XS_CODE_BRANCH_IF_1:
    case XS_CODE_BRANCH_STATUS_1:
    case XS_CODE_CATCH_1:
        return true;
    default:
        return false;
    }
}

static bool makes_variable(const txByteCode *code) {
    return code->id == XS_CODE_NEW_LOCAL || code->id == XS_CODE_NEW_CLOSURE ||
           code->id == XS_CODE_NEW_TEMPORARY;
}

/* Which of the function's variables it is about, or NULL. */
static txInteger *variable_of(txByteCode *code) {
    switch (code->id) {
    case XS_CODE_NEW_CLOSURE:
    case XS_CODE_NEW_LOCAL:
        return &((txVariableCode *)code)->index;
    case XS_CODE_CONST_CLOSURE_1:
    case XS_CODE_CONST_LOCAL_1:
    case XS_CODE_GET_CLOSURE_1:
    case XS_CODE_GET_LOCAL_1:
    case XS_CODE_GET_PRIVATE_1:
    case XS_CODE_HAS_PRIVATE_1:
    case XS_CODE_LET_CLOSURE_1:
    case XS_CODE_LET_LOCAL_1:
    case XS_CODE_NEW_PRIVATE_1:
    case XS_CODE_NEW_TEMPORARY:
    case XS_CODE_PULL_CLOSURE_1:
    case XS_CODE_PULL_LOCAL_1:
    case XS_CODE_REFRESH_CLOSURE_1:
    case XS_CODE_REFRESH_LOCAL_1:
    case XS_CODE_RESET_CLOSURE_1:
    case XS_CODE_RESET_LOCAL_1:
    case XS_CODE_SET_CLOSURE_1:
    case XS_CODE_SET_LOCAL_1:
    case XS_CODE_SET_PRIVATE_1:
    case XS_CODE_STORE_1:
    case XS_CODE_VAR_CLOSURE_1:
    case XS_CODE_VAR_LOCAL_1:
        return &((txIndexCode *)code)->index;
    default:
        return NULL;
    }
}

static bool is_about(txByteCode *code, txInteger variable) {
    const txInteger *index = variable_of(code);
    return index && *index == variable;
}

static bool is_index(const txByteCode *code, txInteger id, txInteger index) {
    return code->id == id && ((const txIndexCode *)code)->index == index;
}

/* Whether the integer behind it says what kind of property it makes. */
static bool takes_flags(const txByteCode *code) {
    return code->id == XS_CODE_NEW_PROPERTY || code->id == XS_CODE_NEW_PROPERTY_AT ||
           code->id == XS_CODE_NEW_PRIVATE_1;
}

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

/* The instruction behind `at` that is still there, or NULL at a function in the function or at the end. */
static txByteCode *next_of(const struct function *function, uint32_t at) {
    if (function->codes[at]->id == XS_CODE_CODE_1)
        return NULL;
    while (++at < function->count)
        if (function->codes[at]->id != REMOVED)
            return function->codes[at];
    return NULL;
}

/* ---- parameters ---- */

/* The place of the instruction before which the variable is only written: `ARGUMENT n, VAR variable, POP`; or
 * 0. */
static uint32_t find_argument(const struct function *function, uint32_t made, txInteger variable) {
    for (uint32_t at = made + 1; at < function->count; at++)
        if (is_about(function->codes[at], variable)) {
            bool copies = function->codes[at]->id == XS_CODE_VAR_LOCAL_1 &&
                          function->codes[at - 1]->id == XS_CODE_ARGUMENT && at + 1 < function->count &&
                          function->codes[at + 1]->id == XS_CODE_POP;
            return copies ? at - 1 : 0;
        }
    return 0;
}

/* Forgets a variable: those made after it move up. */
static void remove_variable(const struct function *function, txInteger variable) {
    for (uint32_t at = 0; at < function->count; at++) {
        txInteger *index = variable_of(function->codes[at]);
        if (index && *index > variable)
            --*index;
        if (function->codes[at]->id == XS_CODE_RESERVE_1)
            ((txIndexCode *)function->codes[at])->index--;
    }
}

/* Reads a parameter where the caller put it. Its variable lives as long as the function, so nothing takes its
 * place. */
static void read_argument(const struct function *function, uint32_t made) {
    txInteger variable = ((txVariableCode *)function->codes[made])->index;
    uint32_t copied = find_argument(function, made, variable);
    if (copied == 0)
        return;
    for (uint32_t at = copied + 3; at < function->count; at++)
        if (is_about(function->codes[at], variable) && function->codes[at]->id != XS_CODE_GET_LOCAL_1)
            return;
    for (uint32_t at = copied + 3; at < function->count; at++)
        if (is_about(function->codes[at], variable)) {
            function->codes[at]->id = XS_CODE_ARGUMENT;
            ((txIndexCode *)function->codes[at])->index = ((txIndexCode *)function->codes[copied])->index;
        }
    for (uint32_t at = copied; at < copied + 3; at++)
        function->codes[at]->id = REMOVED;
    function->codes[made]->id = REMOVED;
    remove_variable(function, variable);
}

/* ---- variables ---- */

/* Whether a jump may pass the first value, at `first`, of a variable that is made at `made` and used up to
 * `last`. */
static bool may_be_passed(const struct function *function, uint32_t made, uint32_t first, uint32_t last) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_branch(function->codes[at]))
            continue;
        uint32_t to = (uint32_t)((txTargetCode *)target_of(function->codes[at]))->index;
        bool from_inside = made < at && at < first;
        if (from_inside ? first < to && to <= last : made < to && to <= first)
            return true;
    }
    return false;
}

/*
 * Lets a variable be written and read without a look at whether it has a value and may be written, when it
 * always has one and nothing writes it that must not.
 */
static void trust_variable(const struct function *function, uint32_t made) {
    txInteger variable = ((txVariableCode *)function->codes[made])->index;
    uint32_t first = 0, last = made;
    bool written = false;
    for (uint32_t at = made + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        if (!is_about(code, variable))
            continue;
        if (makes_variable(code))
            break; /* another one, in its place */
        last = at;
        bool gives = code->id == XS_CODE_CONST_LOCAL_1 || code->id == XS_CODE_LET_LOCAL_1 ||
                     code->id == XS_CODE_VAR_LOCAL_1;
        if (first == 0 && gives)
            first = at;
        else if (first == 0 || (code->id != XS_CODE_GET_LOCAL_1 && code->id != XS_CODE_SET_LOCAL_1 &&
                                code->id != XS_CODE_PULL_LOCAL_1 && code->id != XS_CODE_VAR_LOCAL_1))
            return;
        else
            written |= code->id != XS_CODE_GET_LOCAL_1;
    }
    if (first > 0) {
        bool constant = function->codes[first]->id == XS_CODE_CONST_LOCAL_1;
        if ((constant && written) || may_be_passed(function, made, first, last))
            return;
        for (uint32_t at = first; at <= last; at++)
            if (is_about(function->codes[at], variable) && function->codes[at]->id != XS_CODE_GET_LOCAL_1 &&
                function->codes[at]->id != XS_CODE_PULL_LOCAL_1)
                function->codes[at]->id = XS_CODE_SET_LOCAL_1;
    }
    function->codes[made]->id = XS_CODE_NEW_TEMPORARY;
    ((txIndexCode *)function->codes[made])->index = variable;
}

/* ---- temporaries ---- */

/* Whether it leaves the value on top of the stack as it is, or takes one off that was above it. */
static bool keeps_top(const txByteCode *before, const txByteCode *code) {
    switch (code->id) {
    case REMOVED:
    case XS_NO_CODE:
    case XS_CODE_BRANCH_1:
    case XS_CODE_BRANCH_ELSE_1:
    case XS_CODE_BRANCH_IF_1:
    case XS_CODE_NEW_CLOSURE:
    case XS_CODE_NEW_LOCAL:
    case XS_CODE_NEW_PROPERTY:
    case XS_CODE_NEW_PROPERTY_AT:
    case XS_CODE_NEW_TEMPORARY:
    case XS_CODE_POP:
    case XS_CODE_PULL_CLOSURE_1:
    case XS_CODE_PULL_LOCAL_1:
    case XS_CODE_UNWIND_1:
        return true;
    case XS_CODE_INTEGER_1:
        return takes_flags(before);
    default:
        return false;
    }
}

/*
 * An object literal keeps its object in a temporary, and so does a pattern with what it takes apart. The same
 * value is on the stack, at `level`: where it is on top, it can be copied from there.
 */
static void take_from_stack(const struct function *function, uint32_t set, txInteger level) {
    txInteger variable = ((txIndexCode *)function->codes[set])->index;
    for (uint32_t at = set + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        const txByteCode *before = function->codes[at - 1];
        if (is_about(code, variable) && makes_variable(code))
            return;
        if (code->stackLevel < level || (code->stackLevel == level && !keeps_top(before, code)))
            return;
        if (is_index(code, XS_CODE_GET_LOCAL_1, variable) && code->stackLevel == level + 1)
            code->id = XS_CODE_DUB;
    }
}

static void take_literals_from_stack(const struct function *function) {
    for (uint32_t at = 2; at < function->count; at++) {
        const txByteCode *code = function->codes[at];
        if (code->id != XS_CODE_SET_LOCAL_1)
            continue;
        txInteger before = function->codes[at - 1]->id;
        if (before == XS_CODE_OBJECT || before == XS_CODE_ARRAY)
            take_from_stack(function, at, code->stackLevel);
        else if (before == XS_CODE_TO_INSTANCE && function->codes[at - 2]->id == XS_CODE_DUB)
            take_from_stack(function, at, code->stackLevel - 1);
    }
}

/* A value that nobody reads is not kept. */
static void forget_values(const struct function *function, uint32_t made) {
    txInteger variable = *variable_of(function->codes[made]);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t at = made + 1; at < function->count; at++) {
            txByteCode *code = function->codes[at];
            if (!is_about(code, variable))
                continue;
            if (makes_variable(code))
                break;
            if (code->id != XS_CODE_SET_LOCAL_1 && code->id != XS_CODE_PULL_LOCAL_1)
                return;
            if (pass > 0)
                code->id = code->id == XS_CODE_SET_LOCAL_1 ? REMOVED : XS_CODE_POP;
        }
}

static bool is_used(const struct function *function, uint32_t made) {
    txInteger variable = *variable_of(function->codes[made]);
    for (uint32_t at = made + 1; at < function->count; at++)
        if (is_about(function->codes[at], variable))
            return !makes_variable(function->codes[at]);
    return false;
}

/*
 * Where a variable ends that is made at `made`, when control can neither enter nor leave what is between;
 * else 0. Awaiting can leave it.
 */
static uint32_t find_end(const struct function *function, uint32_t made) {
    txInteger level = 1;
    uint32_t end = 0;
    for (uint32_t at = made + 1; at < function->count && end == 0; at++) {
        const txByteCode *code = function->codes[at];
        if (makes_variable(code))
            level++;
        else if (code->id == XS_CODE_UNWIND_1 && ((const txIndexCode *)code)->index < level)
            level -= ((const txIndexCode *)code)->index;
        else if (code->id == XS_CODE_UNWIND_1)
            end = at;
        else if (code->id == XS_CODE_BRANCH_STATUS_1 || code->id == XS_CODE_CATCH_1)
            return 0;
    }
    const txByteCode *behind = end > 0 ? next_of(function, end) : NULL;
    if (!behind || behind->id == XS_CODE_BRANCH_1)
        return 0;
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_branch(function->codes[at]))
            continue;
        uint32_t to = (uint32_t)((txTargetCode *)target_of(function->codes[at]))->index;
        if ((made < at && at < end) != (made < to && to < end))
            return 0;
    }
    return end;
}

/* A variable that nobody uses is not made: those made after it, as long as it would be there, move up. */
static void forget_variable(const struct function *function, uint32_t made) {
    uint32_t end = is_used(function, made) ? 0 : find_end(function, made);
    if (end == 0)
        return;
    txInteger variable = *variable_of(function->codes[made]);
    for (uint32_t at = made + 1; at < end; at++) {
        txInteger *index = variable_of(function->codes[at]);
        if (index && *index > variable)
            --*index;
    }
    function->codes[made]->id = REMOVED;
    if (--((txIndexCode *)function->codes[end])->index == 0)
        function->codes[end]->id = REMOVED;
}

/* ---- arrow functions ---- */

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
        if (is_index(code, XS_CODE_RESERVE_1, 0))
            code->id = REMOVED;
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
    for (at = 0; at < function.count; at++)
        if (function.codes[at]->id == XS_CODE_NEW_LOCAL)
            read_argument(&function, at);
    for (at = 0; at < function.count; at++)
        if (function.codes[at]->id == XS_CODE_NEW_LOCAL)
            trust_variable(&function, at);
    if (end)
        release_this(&function, end);
    take_literals_from_stack(&function);
    join_neighbours(&function);
    for (at = 0; at < function.count; at++)
        if (function.codes[at]->id == XS_CODE_NEW_TEMPORARY)
            forget_values(&function, at);
    for (at = 0; at < function.count; at++)
        if (function.codes[at]->id == XS_CODE_NEW_TEMPORARY)
            forget_variable(&function, at);
    join_neighbours(&function);
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
