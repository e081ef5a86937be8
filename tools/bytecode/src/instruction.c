#include "instruction.h"

txByteCode *target_of(const txByteCode *branch) {
    return (txByteCode *)((const txBranchCode *)branch)->target;
}

bool is_branch(const txByteCode *code) {
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

bool makes_variable(const txByteCode *code) {
    return code->id == XS_CODE_NEW_LOCAL || code->id == XS_CODE_NEW_CLOSURE ||
           code->id == XS_CODE_NEW_TEMPORARY;
}

txInteger *variable_of(txByteCode *code) {
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

bool is_about(txByteCode *code, txInteger variable) {
    const txInteger *index = variable_of(code);
    return index && *index == variable;
}

bool is_index(const txByteCode *code, txInteger id, txInteger index) {
    return code->id == id && ((const txIndexCode *)code)->index == index;
}

bool takes_flags(const txByteCode *code) {
    return code->id == XS_CODE_NEW_PROPERTY || code->id == XS_CODE_NEW_PROPERTY_AT ||
           code->id == XS_CODE_NEW_PRIVATE_1;
}

txByteCode *next_of(const struct function *function, uint32_t at) {
    if (function->codes[at]->id == XS_CODE_CODE_1)
        return NULL;
    while (++at < function->count)
        if (function->codes[at]->id != REMOVED)
            return function->codes[at];
    return NULL;
}

uint32_t place_behind(const struct function *function, uint32_t at) {
    do
        at++;
    while (at < function->count && function->codes[at]->id == REMOVED);
    return at < function->count ? at : function->count;
}

uint32_t place_before(const struct function *function, uint32_t at) {
    while (at-- > 0)
        if (function->codes[at]->id != REMOVED)
            return at;
    return function->count;
}

bool is_at(const struct function *function, uint32_t at, txInteger id) {
    return at < function->count && function->codes[at]->id == id;
}

uint32_t leads_to(const struct function *function, uint32_t branch) {
    if (branch >= function->count)
        return function->count;
    txByteCode *target = target_of(function->codes[branch]);
    uint32_t at = (uint32_t)((const txTargetCode *)target)->index;
    return at < function->count && function->codes[at] == target ? at : function->count;
}

void remove_at(const struct function *function, uint32_t at) {
    function->codes[at]->id = REMOVED;
}

bool is_end(const txByteCode *code) {
    return code->id == XS_CODE_END || code->id == XS_CODE_END_ARROW || code->id == XS_CODE_END_BASE ||
           code->id == XS_CODE_END_DERIVED;
}

bool is_last(const txByteCode *code) {
    return is_end(code) || code->id == XS_CODE_BRANCH_1 || code->id == XS_CODE_RETHROW ||
           code->id == XS_CODE_THROW;
}

uint32_t made_before(const struct function *function, uint32_t at, txInteger variable) {
    while (at-- > 0)
        if (makes_variable(function->codes[at]) && is_about(function->codes[at], variable))
            return function->codes[at]->id == XS_CODE_NEW_TEMPORARY ? at : function->count;
    return function->count;
}

bool takes_number(const struct function *function, uint32_t at, txInteger *number) {
    uint32_t integer = place_before(function, at), flags = place_before(function, integer);
    if (!is_at(function, integer, XS_CODE_INTEGER_1) || flags == function->count ||
        takes_flags(function->codes[flags]))
        return false;
    *number = ((const txIntegerCode *)function->codes[integer])->integer;
    return true;
}
