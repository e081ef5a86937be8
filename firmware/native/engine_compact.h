/*
 * engine_compact.h: read before each source of the engine (firmware/engine.cmake). The engine's macros unfold
 * at hundreds of places into a call that looks for room on the stack and the code of a push. Here the call
 * does the push as well: 50 KB less code, and faster. A push evaluates its argument first; the engine's
 * macros did it last, which would make a difference for an argument that counts from the->stack, and there is
 * none.
 *
 * xsRun.c keeps the stack in a register and xsAll.c chooses what the C library shows: both are compiled
 * without this.
 */
#ifndef OBSCURA_ENGINE_COMPACT_H
#define OBSCURA_ENGINE_COMPACT_H

#include "xsAll.h"

const txBehavior *compact_behavior(const txSlot *instance);
void compact_call(txMachine *the);
void compact_catch(txMachine *the, txJump *jump);
void compact_dub(txMachine *the);
void compact_get_id(txMachine *the, txInteger id);
void compact_new(txMachine *the);
void compact_pull(txMachine *the, txSlot *slot);
void compact_push(txMachine *the, const txSlot *slot);
void compact_push_integer(txMachine *the, txInteger value);
void compact_push_null(txMachine *the);
void compact_push_number(txMachine *the, txNumber value);
void compact_push_reference(txMachine *the, txSlot *instance);
void compact_push_string_x(txMachine *the, txString string);
void compact_push_undefined(txMachine *the);
void compact_push_uninitialized(txMachine *the);
txSlot *compact_temporary(txMachine *the);
void compact_try(txMachine *the, txJump *jump);

void compact_range_error(txMachine *the, const char *format, ...) XS_FUNCTION_NORETURN;
void compact_syntax_error(txMachine *the, const char *format, ...) XS_FUNCTION_NORETURN;
void compact_type_error(txMachine *the, const char *format, ...) XS_FUNCTION_NORETURN;

/* The firmware has its own (stack.c), and the engine's has none but itself that refers to it. */
__attribute__((weak)) void fx_Error_prototype_get_stack(txMachine *the);

/* Others are in engine_parts.c. */
__attribute__((weak)) void fxLoadVirtualModuleSource(txMachine *the, txSlot *record, txSlot *instance);
__attribute__((weak)) void fx_AsyncFunction(txMachine *the);
__attribute__((weak)) void fx_AsyncGeneratorFunction(txMachine *the);
__attribute__((weak)) void fx_Function(txMachine *the);
__attribute__((weak)) void fx_GeneratorFunction(txMachine *the);
__attribute__((weak)) void fx_ModuleSource(txMachine *the);

#undef mxBehavior
#define mxBehavior(INSTANCE) compact_behavior(INSTANCE)
#undef mxCall
#define mxCall() compact_call(the)
#undef mxDub
#define mxDub() compact_dub(the)
#undef mxGetID
#define mxGetID(ID) compact_get_id(the, ID)
#undef mxNew
#define mxNew() compact_new(the)
#undef mxPull
#define mxPull(THE_SLOT) compact_pull(the, &(THE_SLOT))
#undef mxPullSlot
#define mxPullSlot(THE_SLOT) compact_pull(the, THE_SLOT)
#undef mxPush
#define mxPush(THE_SLOT) compact_push(the, &(THE_SLOT))
#undef mxPushSlot
#define mxPushSlot(THE_SLOT) compact_push(the, THE_SLOT)
#undef mxPushInteger
#define mxPushInteger(THE_NUMBER) compact_push_integer(the, THE_NUMBER)
#undef mxPushNull
#define mxPushNull() compact_push_null(the)
#undef mxPushNumber
#define mxPushNumber(THE_NUMBER) compact_push_number(the, THE_NUMBER)
#undef mxPushReference
#define mxPushReference(THE_SLOT) compact_push_reference(the, THE_SLOT)
#undef mxPushStringX
#define mxPushStringX(THE_STRING) compact_push_string_x(the, THE_STRING)
#undef mxPushUndefined
#define mxPushUndefined() compact_push_undefined(the)
#undef mxPushUninitialized
#define mxPushUninitialized() compact_push_uninitialized(the)
#undef mxTemporary
#define mxTemporary(_SLOT) (_SLOT = compact_temporary(the))

#undef mxTry
#define mxTry(THE_MACHINE)                                                                                   \
    txJump __JUMP__;                                                                                         \
    compact_try(THE_MACHINE, &__JUMP__);                                                                     \
    if (c_setjmp(__JUMP__.buffer) == 0) {
#undef mxCatch
#define mxCatch(THE_MACHINE)                                                                                 \
    (THE_MACHINE)->firstJump = __JUMP__.nextJump;                                                            \
    }                                                                                                        \
    else for (compact_catch(THE_MACHINE, &__JUMP__); __JUMP__.stack; __JUMP__.stack = NULL)

#undef mxRangeError
#define mxRangeError(...) compact_range_error(the, __VA_ARGS__)
#undef mxSyntaxError
#define mxSyntaxError(...) compact_syntax_error(the, __VA_ARGS__)
#undef mxTypeError
#define mxTypeError(...) compact_type_error(the, __VA_ARGS__)

#endif
