/*
 * bytecode.h: walks over XS bytecode. Shared by the compiler, which makes code runnable in
 * place, and by the firmware, which fits an application to symbols it was not compiled for, and packs its own
 * code.
 */
#ifndef OBSCURA_BYTECODE_H
#define OBSCURA_BYTECODE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The size of the instruction at code[0..left), or 0 when it is unknown or longer than that. A string belongs
 * to its instruction; a function's code does not, but follows.
 */
uint32_t bytecode_step(const uint8_t *code, uint32_t left);

/*
 * When the instruction at `code` is one that makes a function in place: the size of the instruction and, in
 * *length, that of the function's code behind it. Otherwise 0.
 */
uint32_t bytecode_function(const uint8_t *code, uint32_t *length);

/*
 * Replaces every symbol identifier by map[identifier], and instructions that copy strings and functions to
 * the heap by those that use them where they are. Returns false when the code does not parse: an unknown
 * instruction, one that passes the end, or an identifier of `count` and above.
 */
bool bytecode_rewrite(uint8_t *code, uint32_t size, const uint16_t *map, uint32_t count);

#endif
