/*
 * optimize_flow.c: where control goes. The generator numbers every jump that may leave a `try`, a `using` or
 * a loop over an iterator, writes the number down before the jump and compares it behind the statement, even
 * when nothing jumps there; and what is behind a `return` or a `throw` it makes as if control came there.
 */
#include "instruction.h"

/* ---- what control cannot reach ---- */

struct reached {
    bool *is;
    uint32_t *places; /* to go on from */
    uint32_t count;
};

static void reach(const struct function *function, struct reached *reached, uint32_t at) {
    if (at < function->count && !reached->is[at]) {
        reached->is[at] = true;
        reached->places[reached->count++] = at;
    }
}

/* With the functions in it. */
static void remove_code(txByteCode *code) {
    const txByteCode *end = code->id == XS_CODE_CODE_1 ? target_of(code) : code->nextCode;
    for (; code != end; code = code->nextCode)
        code->id = REMOVED;
}

static void drop_unreachable(const struct function *function) {
    struct reached reached = {.is = allocate(function->count * sizeof *reached.is),
                              .places = allocate(function->count * sizeof *reached.places)};
    reach(function, &reached, 0);
    while (reached.count > 0) {
        uint32_t at = reached.places[--reached.count];
        const txByteCode *code = function->codes[at];
        if (is_branch(code))
            reach(function, &reached, leads_to(function, at));
        if (!is_last(code))
            reach(function, &reached, at + 1);
    }
    for (uint32_t at = 0; at < function->count; at++)
        if (!reached.is[at])
            remove_code(function->codes[at]);
    free(reached.is);
    free(reached.places);
}

/* Targets that nothing leads to keep neighbours apart. */
static void drop_targets(const struct function *function) {
    bool *used = allocate((function->count + 1) * sizeof *used);
    for (uint32_t at = 0; at < function->count; at++) {
        const txByteCode *code = function->codes[at];
        if (is_branch(code) || code->id == XS_CODE_CODE_1)
            used[leads_to(function, at)] = true;
    }
    for (uint32_t at = 0; at < function->count; at++)
        if (function->codes[at]->id == XS_NO_CODE && !used[at])
            remove_at(function, at);
    free(used);
}

/*
 * Branches to what is behind them anyway, and out of the function: the generator makes those in a function
 * inside a loop, in case that a `finally` was entered by a `break` of the loop, which it cannot be.
 */
static void drop_needless_branches(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_at(function, at, XS_CODE_BRANCH_1))
            continue;
        uint32_t to = leads_to(function, at), next = place_behind(function, at);
        while (next < to && is_at(function, next, XS_NO_CODE))
            next = place_behind(function, next);
        if (next == to || to == function->count)
            remove_at(function, at);
    }
}

void optimize_reach(const struct function *function) {
    drop_unreachable(function);
    drop_needless_branches(function);
    drop_targets(function);
}

/* ---- numbers of jumps ---- */

/* Whether the variable is never written but with other numbers than this one. */
static bool is_never(const struct function *function, uint32_t at, txInteger variable, txInteger number) {
    uint32_t made = made_before(function, at, variable);
    if (made == function->count)
        return false;
    for (at = made + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        txInteger written;
        if (!is_about(code, variable) || code->id == XS_CODE_GET_LOCAL_1)
            continue;
        if (makes_variable(code))
            break;
        if (code->id != XS_CODE_PULL_LOCAL_1 || !takes_number(function, at, &written) || written == number)
            return false;
    }
    return true;
}

/* `if (variable === number)`, when it never is: goes on behind the `if`. */
static void decide_comparisons(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        uint32_t equal = place_behind(function, at), branch = place_behind(function, equal);
        txInteger number;
        if (!is_at(function, at, XS_CODE_GET_LOCAL_1) || !is_at(function, equal, XS_CODE_STRICT_EQUAL) ||
            !is_at(function, branch, XS_CODE_BRANCH_ELSE_1) || !takes_number(function, at, &number) ||
            !is_never(function, at, ((const txIndexCode *)function->codes[at])->index, number))
            continue;
        remove_at(function, place_before(function, at));
        remove_at(function, at);
        remove_at(function, equal);
        function->codes[branch]->id = XS_CODE_BRANCH_1;
    }
}

/* ---- whether an iterator is done ---- */

/* Whether the variable is only asked whether it is true. */
static bool is_condition(const struct function *function, uint32_t at, txInteger variable) {
    uint32_t made = made_before(function, at, variable);
    if (made == function->count)
        return false;
    for (at = made + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        uint32_t next = place_behind(function, at);
        if (!is_about(code, variable))
            continue;
        if (makes_variable(code))
            break;
        bool writes = code->id == XS_CODE_PULL_LOCAL_1 || code->id == XS_CODE_SET_LOCAL_1;
        bool asks = code->id == XS_CODE_GET_LOCAL_1 && (is_at(function, next, XS_CODE_BRANCH_IF_1) ||
                                                        is_at(function, next, XS_CODE_BRANCH_ELSE_1));
        if (!writes && !asks)
            return false;
    }
    return true;
}

/* Where the variable is used next, when control goes straight from `at` to there; else function->count. */
static uint32_t next_use(const struct function *function, uint32_t at, txInteger variable) {
    for (at = place_behind(function, at); at < function->count; at = place_behind(function, at)) {
        txByteCode *code = function->codes[at];
        if (is_about(code, variable))
            return at;
        if (code->id == XS_NO_CODE || is_branch(code) || is_last(code))
            break;
    }
    return function->count;
}

/*
 * While a loop asks its iterator for a value, it keeps that the iterator is done, in case that the iterator
 * throws: `done = true, if (done = result.done) ..., done = true, value`. It is true all the while.
 */
static void keep_done(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_at(function, at, XS_CODE_PULL_LOCAL_1) ||
            !is_at(function, place_before(function, at), XS_CODE_TRUE))
            continue;
        txInteger variable = ((const txIndexCode *)function->codes[at])->index;
        uint32_t set = next_use(function, at, variable), branch = place_behind(function, set);
        if (!is_at(function, set, XS_CODE_SET_LOCAL_1) || !is_at(function, branch, XS_CODE_BRANCH_IF_1))
            continue;
        uint32_t again = place_behind(function, branch), pull = place_behind(function, again);
        if (!is_at(function, again, XS_CODE_TRUE) || pull == function->count ||
            !is_index(function->codes[pull], XS_CODE_PULL_LOCAL_1, variable) ||
            !is_condition(function, at, variable))
            continue;
        remove_at(function, set);
        remove_at(function, again);
        remove_at(function, pull);
    }
}

/* ---- conditions, patterns and ends ---- */

/* `if (!condition)`: the other branch. */
static void turn_branches(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        for (uint32_t negation; code->id == XS_CODE_BRANCH_ELSE_1 || code->id == XS_CODE_BRANCH_IF_1;
             remove_at(function, negation)) {
            negation = place_before(function, at);
            if (!is_at(function, negation, XS_CODE_NOT))
                break;
            code->id = code->id == XS_CODE_BRANCH_IF_1 ? XS_CODE_BRANCH_ELSE_1 : XS_CODE_BRANCH_IF_1;
        }
    }
}

/*
 * A pattern copies what it takes apart for each property, and drops it at last: the last property takes the
 * value itself.
 */
static void take_last(const struct function *function, uint32_t dub) {
    uint32_t at = place_behind(function, dub);
    while (is_at(function, at, XS_CODE_TO_INSTANCE) || is_at(function, at, XS_CODE_SET_LOCAL_1) ||
           is_at(function, at, XS_CODE_GET_PROPERTY))
        at = place_behind(function, at);
    bool pulls = is_at(function, at, XS_CODE_PULL_LOCAL_1) || is_at(function, at, XS_CODE_PULL_CLOSURE_1);
    bool keeps = is_at(function, at, XS_CODE_CONST_LOCAL_1) || is_at(function, at, XS_CODE_CONST_CLOSURE_1) ||
                 is_at(function, at, XS_CODE_LET_LOCAL_1) || is_at(function, at, XS_CODE_LET_CLOSURE_1);
    if (keeps && !is_at(function, at = place_behind(function, at), XS_CODE_POP))
        return;
    if (!pulls && !keeps)
        return;
    at = place_behind(function, at);
    while (is_at(function, at, XS_CODE_UNWIND_1))
        at = place_behind(function, at);
    if (!is_at(function, at, XS_CODE_POP))
        return;
    remove_at(function, dub);
    remove_at(function, at);
}

static bool is_before_end(const struct function *function, uint32_t at) {
    do
        at = place_behind(function, at);
    while (is_at(function, at, XS_NO_CODE));
    return at < function->count && is_end(function->codes[at]);
}

/* The end of a function takes everything off the stack that is the function's. */
static void drop_before_ends(const struct function *function) {
    for (uint32_t at = function->count; at-- > 0;)
        if ((is_at(function, at, XS_CODE_POP) || is_at(function, at, XS_CODE_UNWIND_1)) &&
            is_before_end(function, at))
            remove_at(function, at);
}

/* Whether nothing but its end can follow a result of the function, so that until there it has none. */
static bool has_one_result(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (is_at(function, at, XS_CODE_SET_RESULT) && !is_before_end(function, at))
            return false;
        if (is_at(function, at, XS_CODE_START_ASYNC) || is_at(function, at, XS_CODE_START_GENERATOR) ||
            is_at(function, at, XS_CODE_START_ASYNC_GENERATOR))
            return false;
    }
    return true;
}

/* `return undefined` is what a function does without it. */
static void drop_undefined_results(const struct function *function) {
    if (!has_one_result(function))
        return;
    for (uint32_t at = 0; at < function->count; at++) {
        uint32_t undefined = place_before(function, at);
        if (is_at(function, at, XS_CODE_SET_RESULT) && is_at(function, undefined, XS_CODE_UNDEFINED)) {
            remove_at(function, undefined);
            remove_at(function, at);
        }
    }
}

void optimize_flow(const struct function *function) {
    decide_comparisons(function);
    keep_done(function);
    optimize_reach(function);
    optimize_loops(function);
    turn_branches(function);
    for (uint32_t at = 0; at < function->count; at++)
        if (is_at(function, at, XS_CODE_DUB))
            take_last(function, at);
    optimize_reach(function);
    drop_undefined_results(function);
    drop_before_ends(function);
}
