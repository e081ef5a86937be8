/*
 * bytecode.h: a walk over XS bytecode that rewrites it. Shared by the compiler, which makes code runnable in
 * place, and by the firmware, which fits an application to symbols it was not compiled for.
 */
#ifndef OBSCURA_BYTECODE_H
#define OBSCURA_BYTECODE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Replaces every symbol identifier by map[identifier], and instructions that copy strings and functions to
 * the heap by those that use them where they are. Returns false when the code does not parse: an unknown
 * instruction, one that passes the end, or an identifier of `count` and above.
 */
bool bytecode_rewrite(uint8_t *code, uint32_t size, const uint16_t *map, uint32_t count);

#endif
