/*
 * optimize_variables.c: what becomes of a function's parameters and variables. Jumps out of a place between a
 * variable's declaration and its first value, or into one, leave the variable as it is.
 */
#include "instruction.h"

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

/* ---- variables that always have a value ---- */

/* The part of a function where a variable is: it has no value at `none`, its first one at `first`. */
struct extent {
    uint32_t none;
    uint32_t first;
    uint32_t last; /* that is about it */
};

static bool is_between(uint32_t at, uint32_t begin, uint32_t end) {
    return begin < at && at <= end;
}

/* Whether a jump may pass the variable's first value. */
static bool may_be_passed(const struct function *function, struct extent extent) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_branch(function->codes[at]))
            continue;
        uint32_t to = (uint32_t)((txTargetCode *)target_of(function->codes[at]))->index;
        bool is_early = is_between(to, extent.none, extent.first);
        bool is_late = is_between(to, extent.first, extent.last);
        if (is_early && !is_between(at, extent.none, extent.first))
            return true;
        if (is_late && !is_between(at, extent.first, extent.last))
            return true;
    }
    return false;
}

/* Finds the extent of the variable that is made at `made`; false when not every use of it can be trusted. */
static bool find_extent(const struct function *function, uint32_t made, struct extent *extent) {
    txInteger variable = *variable_of(function->codes[made]);
    bool constant = false;
    *extent = (struct extent){.none = made, .last = made};
    for (uint32_t at = made + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        if (!is_about(code, variable))
            continue;
        if (makes_variable(code))
            break; /* another one, in its place */
        extent->last = at;
        switch (code->id) {
        case XS_CODE_RESET_LOCAL_1: /* the next round of a loop */
            if (extent->none != made || extent->first > 0)
                return false;
            extent->none = at;
            break;
        case XS_CODE_CONST_LOCAL_1:
        case XS_CODE_LET_LOCAL_1:
            if (extent->first > 0)
                return false;
            constant = code->id == XS_CODE_CONST_LOCAL_1;
            extent->first = at;
            break;
        case XS_CODE_VAR_LOCAL_1:
            if (extent->first == 0)
                extent->first = at;
            break;
        case XS_CODE_PULL_LOCAL_1:
        case XS_CODE_SET_LOCAL_1:
            if (constant || extent->first == 0)
                return false;
            break;
        case XS_CODE_GET_LOCAL_1:
        case XS_CODE_REFRESH_LOCAL_1: /* which does nothing */
            if (extent->first == 0)
                return false;
            break;
        default:
            return false;
        }
    }
    return extent->last == made || (extent->first > 0 && !may_be_passed(function, *extent));
}

/*
 * Lets a variable be written and read without a look at whether it has a value and may be written, when it
 * always has one and nothing writes it that must not.
 */
static void trust_variable(const struct function *function, uint32_t made) {
    struct extent extent;
    if (!find_extent(function, made, &extent))
        return;
    txInteger variable = *variable_of(function->codes[made]);
    for (uint32_t at = made + 1; at <= extent.last; at++) {
        txByteCode *code = function->codes[at];
        if (!is_about(code, variable))
            continue;
        if (code->id == XS_CODE_RESET_LOCAL_1)
            code->id = REMOVED;
        else if (code->id == XS_CODE_CONST_LOCAL_1 || code->id == XS_CODE_LET_LOCAL_1 ||
                 code->id == XS_CODE_VAR_LOCAL_1)
            code->id = XS_CODE_SET_LOCAL_1;
    }
    function->codes[made]->id = XS_CODE_NEW_TEMPORARY;
    ((txIndexCode *)function->codes[made])->index = variable;
}

void optimize_variables(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++)
        if (function->codes[at]->id == XS_CODE_NEW_LOCAL)
            read_argument(function, at);
    for (uint32_t at = 0; at < function->count; at++)
        if (function->codes[at]->id == XS_CODE_NEW_LOCAL)
            trust_variable(function, at);
}

/* ---- what nobody reads ---- */

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

void optimize_unused(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++)
        if (function->codes[at]->id == XS_CODE_NEW_TEMPORARY)
            forget_values(function, at);
    for (uint32_t at = 0; at < function->count; at++)
        if (function->codes[at]->id == XS_CODE_NEW_TEMPORARY)
            forget_variable(function, at);
}
