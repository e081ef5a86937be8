/* stack.h: where an error comes from (stack.c). */
#ifndef OBSCURA_STACK_H
#define OBSCURA_STACK_H

#include "runtime.h"

/*
 * Appends the functions that are running, innermost first, a line each, to `text`, which has room for `size`
 * bytes. Allocates nothing.
 */
void stack_write_callers(txMachine *the, char *text, size_t size);

/* For a thrown value that is no Error: a line that says where it was thrown, with a line feed before it, or
 * "" when that is not known. Valid until the next throw. */
const char *stack_thrown_at(const txSlot *value);

#endif
