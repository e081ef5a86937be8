/* optimize_values.c: what literals, patterns and templates keep of what they make and take apart. */
#include "instruction.h"

/* ---- templates ---- */

static bool is_empty_string(const txByteCode *code) {
    return code->id == XS_CODE_STRING_1 && ((const txStringCode *)code)->string[0] == 0 &&
           ((const txStringCode *)code)->length <= 1;
}

/* An empty string that is added to: the addition, to whose right is a string. */
static txByteCode *addition_to(const struct function *function, uint32_t empty) {
    for (uint32_t at = empty + 1; at < function->count; at++)
        if (function->codes[at]->stackLevel <= function->codes[empty]->stackLevel) {
            bool adds =
                function->codes[at]->id == XS_CODE_ADD && function->codes[at - 1]->id == XS_CODE_TO_STRING;
            return adds ? function->codes[at] : NULL;
        }
    return NULL;
}

/* A template is a sum that begins and ends with a string, be there nothing in it. */
static void drop_empty_strings(const struct function *function) {
    for (uint32_t at = 2; at + 1 < function->count; at++) {
        txByteCode **codes = function->codes + at;
        if (is_empty_string(codes[0]) && codes[1]->id == XS_CODE_ADD && codes[-1]->id == XS_CODE_ADD &&
            codes[-2]->id == XS_CODE_TO_STRING)
            codes[0]->id = codes[1]->id = REMOVED;
    }
    for (uint32_t at = 0; at < function->count; at++) {
        txByteCode *addition = is_empty_string(function->codes[at]) ? addition_to(function, at) : NULL;
        if (addition)
            function->codes[at]->id = addition->id = REMOVED;
    }
}

/* ---- arrays ---- */

static bool is_symbol(const txByteCode *code, txInteger id, const char *name) {
    return code->id == id && strcmp(((const txSymbolCode *)code)->symbol->string, name) == 0;
}

/* Whether codes[0..12) are `array = [], array.length = count, array.fill()`, with a count of 0 or 1. */
static bool is_short_array(txByteCode *const *codes) {
    static const txInteger ids[] = {XS_CODE_ARRAY,       XS_CODE_SET_LOCAL_1,  XS_CODE_GET_LOCAL_1,
                                    XS_CODE_INTEGER_1,   XS_CODE_SET_PROPERTY, XS_CODE_POP,
                                    XS_CODE_GET_LOCAL_1, XS_CODE_DUB,          XS_CODE_GET_PROPERTY,
                                    XS_CODE_CALL,        XS_CODE_RUN_1,        XS_CODE_POP};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (codes[i]->id != ids[i])
            return false;
    txInteger count = ((const txIntegerCode *)codes[3])->integer;
    return (count == 0 || count == 1) && is_symbol(codes[4], XS_CODE_SET_PROPERTY, "length") &&
           is_symbol(codes[8], XS_CODE_GET_PROPERTY, "fill");
}

/* A literal takes memory for all elements before it sets the first one. Setting the only one does it as well.
 */
static void drop_lengths(const struct function *function) {
    for (uint32_t at = 0; at + 12 <= function->count; at++)
        if (is_short_array(function->codes + at))
            for (uint32_t i = at + 2; i < at + 12; i++)
                remove_at(function, i);
}

/* ---- literals and patterns ---- */

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

void optimize_values(const struct function *function) {
    drop_empty_strings(function);
    drop_lengths(function);
    take_literals_from_stack(function);
}
