#include "engine_compact.h"

/* The slot that a push fills in. */
static inline txSlot *push(txMachine *the) {
    txSlot *slot = the->stack - 1;
    if (slot < the->stackBottom)
        fxAbort(the, XS_STACK_OVERFLOW_EXIT);
    the->stack = slot;
    slot->next = NULL;
    return slot;
}

void compact_push(txMachine *the, const txSlot *slot) {
    txSlot *top = push(the);
    mxInitSlotKind(top, slot->kind);
    top->value = slot->value;
}

void compact_push_integer(txMachine *the, txInteger value) {
    txSlot *top = push(the);
    mxInitSlotKind(top, XS_INTEGER_KIND);
    top->value.integer = value;
}

void compact_push_null(txMachine *the) {
    mxInitSlotKind(push(the), XS_NULL_KIND);
}

void compact_push_number(txMachine *the, txNumber value) {
    txSlot *top = push(the);
    mxInitSlotKind(top, XS_NUMBER_KIND);
    top->value.number = value;
}

void compact_push_reference(txMachine *the, txSlot *instance) {
    txSlot *top = push(the);
    mxInitSlotKind(top, XS_REFERENCE_KIND);
    top->value.reference = instance;
}

void compact_push_string_x(txMachine *the, txString string) {
    txSlot *top = push(the);
    mxInitSlotKind(top, XS_STRING_X_KIND);
    top->value.string = string;
}

void compact_push_undefined(txMachine *the) {
    mxInitSlotKind(push(the), XS_UNDEFINED_KIND);
}

void compact_push_uninitialized(txMachine *the) {
    mxInitSlotKind(push(the), XS_UNINITIALIZED_KIND);
}

txSlot *compact_temporary(txMachine *the) {
    compact_push_undefined(the);
    return the->stack;
}

void compact_dub(txMachine *the) {
    compact_push(the, the->stack);
}

void compact_pull(txMachine *the, txSlot *slot) {
    txSlot *top = the->stack++;
    slot->value = top->value;
    slot->kind = top->kind;
}

const txBehavior *compact_behavior(const txSlot *instance) {
    return gxBehaviors[instance->flag & XS_EXOTIC_FLAG ? instance->next->ID : 0];
}

void compact_call(txMachine *the) {
    fxOverflow(the, -4, NULL, 0);
    fxCall(the);
}

void compact_new(txMachine *the) {
    fxOverflow(the, -5, NULL, 0);
    fxNew(the);
}

void compact_get_id(txMachine *the, txInteger id) {
    fxGetAll(the, (txID)id, 0);
}

void compact_try(txMachine *the, txJump *jump) {
    jump->nextJump = the->firstJump;
    jump->stack = the->stack;
    jump->scope = the->scope;
    jump->frame = the->frame;
    jump->code = the->code;
    jump->flag = 0;
    the->firstJump = jump;
}

void compact_catch(txMachine *the, txJump *jump) {
    the->stack = jump->stack;
    the->scope = jump->scope;
    the->frame = jump->frame;
    the->code = jump->code;
    the->firstJump = jump->nextJump;
}

static void throw(txMachine * the, txError error, const char *format, va_list arguments) XS_FUNCTION_NORETURN;

static void throw(txMachine * the, txError error, const char *format, va_list arguments) {
    char message[128];
    vsnprintf(message, sizeof message, format, arguments);
    fxThrowMessage(the, NULL, 0, error, "%s", message);
}

#define ERROR(NAME, KIND)                                                                                    \
    void NAME(txMachine *the, const char *format, ...) {                                                     \
        va_list arguments;                                                                                   \
        va_start(arguments, format);                                                                         \
        throw(the, KIND, format, arguments);                                                                 \
    }

ERROR(compact_range_error, XS_RANGE_ERROR)
ERROR(compact_syntax_error, XS_SYNTAX_ERROR)
ERROR(compact_type_error, XS_TYPE_ERROR)
