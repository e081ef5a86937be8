/*
 * optimize_loops.c: loops over iterators that nothing leaves but what throws, and the iterator's end:
 *
 *         number = 0
 *         catch to `caught`
 *     next:
 *         done = true ... if (result.done) to `end` ... to `next`
 *     end:
 *         number = 3
 *         uncatch
 *     caught:
 *         if (!number) { keep the exception, catch to `closed` }
 *         if (!done) iterator.return()
 *         if (number) to `behind`
 *         uncatch
 *     closed:
 *         throw the exception
 *     behind:
 *
 * At `end` the iterator is done and the number is not 0, at `caught` without it the number is 0: no number is
 * needed when the uncatch leads to `behind`.
 */
#include "instruction.h"

/* Places in a function; of instructions unless it is said. */
struct loop {
    uint32_t end; /* target */
    uint32_t number;
    uint32_t pull;
    uint32_t uncatch;
    uint32_t caught; /* target */
    uint32_t ask;
    uint32_t to_close;
    uint32_t ask_done;
    uint32_t ask_again;
    uint32_t to_behind;
};

/* The instruction behind `at` when it is this one, else function->count. */
static uint32_t expect(const struct function *function, uint32_t at, txInteger id) {
    at = place_behind(function, at);
    return is_at(function, at, id) ? at : function->count;
}

static bool is_same_variable(const struct function *function, uint32_t at, uint32_t other) {
    return at < function->count && other < function->count &&
           ((const txIndexCode *)function->codes[at])->index ==
               ((const txIndexCode *)function->codes[other])->index;
}

/* Finds the places around an uncatch. */
static bool find_loop(const struct function *function, uint32_t uncatch, struct loop *loop) {
    loop->uncatch = uncatch;
    loop->pull = place_before(function, uncatch);
    loop->number = place_before(function, loop->pull);
    loop->end = place_before(function, loop->number);
    loop->caught = expect(function, uncatch, XS_NO_CODE);
    loop->ask = expect(function, loop->caught, XS_CODE_GET_LOCAL_1);
    loop->to_close = expect(function, loop->ask, XS_CODE_BRANCH_IF_1);
    uint32_t exception = expect(function, loop->to_close, XS_CODE_EXCEPTION);
    uint32_t keep = expect(function, exception, XS_CODE_PULL_LOCAL_1);
    uint32_t catch = expect(function, keep, XS_CODE_CATCH_1);
    uint32_t close = expect(function, catch, XS_NO_CODE);
    loop->ask_done = expect(function, close, XS_CODE_GET_LOCAL_1);
    uint32_t is_done = expect(function, loop->ask_done, XS_CODE_BRANCH_IF_1);
    if (!is_at(function, loop->pull, XS_CODE_PULL_LOCAL_1) || !is_at(function, loop->end, XS_NO_CODE) ||
        is_done == function->count || leads_to(function, loop->to_close) != close)
        return false;
    uint32_t closed = leads_to(function, is_done);
    loop->ask_again = expect(function, closed, XS_CODE_GET_LOCAL_1);
    loop->to_behind = expect(function, loop->ask_again, XS_CODE_BRANCH_IF_1);
    return expect(function, loop->to_behind, XS_CODE_UNCATCH) != function->count &&
           leads_to(function, loop->to_behind) != function->count &&
           is_same_variable(function, loop->pull, loop->ask) &&
           is_same_variable(function, loop->pull, loop->ask_again);
}

/* Whether the number is 0 from the beginning of the loop to its end, not 0 from there on, and no one else
 * asks. */
static bool is_number_of(const struct function *function, const struct loop *loop, uint32_t *first) {
    txInteger variable = ((const txIndexCode *)function->codes[loop->pull])->index, number;
    uint32_t made = made_before(function, loop->pull, variable);
    *first = function->count;
    if (!takes_number(function, loop->pull, &number) || number == 0 || made == function->count)
        return false;
    for (uint32_t at = made + 1; at < function->count; at++) {
        txByteCode *code = function->codes[at];
        if (!is_about(code, variable) || at == loop->pull || at == loop->ask || at == loop->ask_again)
            continue;
        if (makes_variable(code))
            break;
        if (*first != function->count || code->id != XS_CODE_PULL_LOCAL_1 ||
            !takes_number(function, at, &number) || number != 0)
            return false;
        *first = at;
    }
    return *first < loop->end;
}

/* The only branch that leads to a target which control does not come to otherwise, or function->count. */
static uint32_t only_way_to(const struct function *function, uint32_t target) {
    uint32_t before = place_before(function, target), way = function->count;
    if (before == function->count || !is_last(function->codes[before]))
        return function->count;
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_branch(function->codes[at]) || leads_to(function, at) != target)
            continue;
        if (way != function->count)
            return function->count;
        way = at;
    }
    return way;
}

/* Whether control comes to `at` straight from where the variable was made true. */
static bool is_true_at(const struct function *function, uint32_t at, txInteger variable) {
    for (at = place_before(function, at); at < function->count; at = place_before(function, at)) {
        txByteCode *code = function->codes[at];
        if (is_about(code, variable))
            return code->id == XS_CODE_PULL_LOCAL_1 &&
                   is_at(function, place_before(function, at), XS_CODE_TRUE);
        if (code->id == XS_NO_CODE || is_branch(code) || is_last(code))
            return false;
    }
    return false;
}

/* Moves an instruction up to behind another one. */
static void move_behind(const struct function *function, uint32_t from, uint32_t to) {
    txByteCode *code = function->codes[from], *above = function->codes[to], *before = above;
    while (before->nextCode != code)
        before = before->nextCode;
    before->nextCode = code->nextCode;
    code->nextCode = above->nextCode;
    above->nextCode = code;
    for (uint32_t at = from; at > to + 1; at--) {
        function->codes[at] = function->codes[at - 1];
        if (function->codes[at]->id == XS_NO_CODE)
            ((txTargetCode *)function->codes[at])->index = (txInteger)at;
    }
    function->codes[to + 1] = code;
}

static void shorten_loop(const struct function *function, uint32_t uncatch) {
    struct loop loop;
    uint32_t first;
    if (!find_loop(function, uncatch, &loop) || !is_number_of(function, &loop, &first))
        return;
    uint32_t way = only_way_to(function, loop.end);
    if (!is_at(function, way, XS_CODE_BRANCH_IF_1) ||
        !is_true_at(function, way, ((const txIndexCode *)function->codes[loop.ask_done])->index))
        return;
    remove_at(function, place_before(function, first));
    remove_at(function, first);
    remove_at(function, loop.number);
    remove_at(function, loop.pull);
    remove_at(function, loop.ask);
    remove_at(function, loop.ask_again);
    remove_at(function, loop.to_behind);
    txBranchCode *leave = (txBranchCode *)function->codes[loop.to_close];
    leave->target = ((const txBranchCode *)function->codes[loop.to_behind])->target;
    leave->id = XS_CODE_BRANCH_1;
    move_behind(function, loop.to_close, loop.uncatch);
}

void optimize_loops(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++)
        if (is_at(function, at, XS_CODE_UNCATCH))
            shorten_loop(function, at);
}
