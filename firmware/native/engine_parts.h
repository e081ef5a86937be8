/* engine_parts.h: what the rest of the native side does because of engine_parts.c. */
#ifndef OBSCURA_ENGINE_PARTS_H
#define OBSCURA_ENGINE_PARTS_H

#include "xsAll.h"

/* Once for a machine that was created; a clone has it from its root. */
void engine_parts_settle(txMachine *the);

/* The engine's slot of that name, or NULL. Allocates nothing. */
const txSlot *engine_function_key(txMachine *the, txSlot *function);

/* The name that a function was written with, or NULL. `function` is the instance. Allocates nothing. */
const char *engine_function_name(txMachine *the, txSlot *function);

#endif
