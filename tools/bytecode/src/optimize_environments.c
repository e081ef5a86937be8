/*
 * optimize_environments.c: the order of a function's list of outer variables. Equal ends of such lists are
 * packed into an image once (firmware/native/rom_pack.c): the variables that most functions have come last.
 */
#include "instruction.h"

/* A variable of the outer function. */
struct outer {
    txInteger index;
    uint32_t uses;
    txInteger place; /* in the list as it was */
};

static int compare(const void *left, const void *right) {
    const struct outer *a = left, *b = right;
    if (a->uses != b->uses)
        return a->uses < b->uses ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* In how many lists the variable is. */
static uint32_t uses_of(const struct function *function, txInteger index) {
    uint32_t uses = 0;
    for (uint32_t at = 0; at < function->count; at++)
        uses += is_index(function->codes[at], XS_CODE_STORE_1, index);
    return uses;
}

/* Calls variables of the list by their new places, in the function itself. */
static void rename_variables(txByteCode *first, const txByteCode *end, const txInteger *places,
                             txInteger count) {
    for (txByteCode *code = first; code != end; code = code->nextCode) {
        txInteger *index = variable_of(code);
        if (index && *index < count)
            *index = places[*index];
        if (code->id == XS_CODE_CODE_1)
            code = target_of(code);
    }
}

/* Whether the first variables of the function are those of the list. */
static bool retrieves(const txByteCode *first, const txByteCode *end, txInteger count) {
    for (const txByteCode *code = first; code != end && !makes_variable(code); code = code->nextCode) {
        if (code->id == XS_CODE_RETRIEVE_1)
            return ((const txIndexCode *)code)->index == count;
        if (code->id == XS_CODE_CODE_1)
            break;
    }
    return false;
}

/* The list of the function in `code`, whose variables are stored from `stores` on. */
static void order_list(const struct function *function, txByteCode *code, uint32_t stores) {
    txInteger count = 0;
    for (uint32_t at = stores; is_at(function, at, XS_CODE_STORE_1); at = place_behind(function, at))
        count++;
    if (count < 2 || !retrieves(code->nextCode, target_of(code), count))
        return;
    struct outer *list = allocate((size_t)count * sizeof *list);
    txInteger *places = allocate((size_t)count * sizeof *places);
    uint32_t at = stores;
    for (txInteger i = 0; i < count; i++, at = place_behind(function, at)) {
        txInteger index = *variable_of(function->codes[at]);
        list[i] = (struct outer){.index = index, .uses = uses_of(function, index), .place = i};
    }
    qsort(list, (size_t)count, sizeof *list, compare);
    at = stores;
    for (txInteger i = 0; i < count; i++, at = place_behind(function, at)) {
        *variable_of(function->codes[at]) = list[i].index;
        places[list[i].place] = i;
    }
    rename_variables(code->nextCode, target_of(code), places, count);
    free(list);
    free(places);
}

void optimize_environments(const struct function *function) {
    for (uint32_t at = 0; at < function->count; at++) {
        if (!is_at(function, at, XS_CODE_CODE_1))
            continue;
        uint32_t environment = place_behind(function, leads_to(function, at));
        if (is_at(function, environment, XS_CODE_ENVIRONMENT))
            order_list(function, function->codes[at], place_behind(function, environment));
    }
}
