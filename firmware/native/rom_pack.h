/* rom_pack.h: what rom_pack.c, which packs slots, rom_pack_code.c, which packs code and strings, and
 * rom_pack_references.c share. */
#ifndef OBSCURA_ROM_PACK_H
#define OBSCURA_ROM_PACK_H

#include "rom.h"

#define PACK_BUCKETS 16384 /* a power of two, more than there are strings or slots that can be shared */

/* From here on, what is packed goes to start, at most up to limit. */
void pack_begin(void *start, const uint8_t *limit);
uint8_t *pack_place(size_t size, size_t alignment);
void *pack_keep(const void *bytes, size_t size, size_t alignment);

typedef void (*pack_visitor)(txSlot **reference);

/* Calls `visit` for every reference of a slot's value. */
void pack_visit(txSlot *slot, pack_visitor visit);

/* Items of an array that are there. They have an index where other slots have the next one. */
txIndex pack_item_count(txSlot *array);

/* What stays outside the machine must not lie in the part of the program that leaves the image. */
void pack_check_stays(const void *pointer);

/* Memory that is never given back. */
void *pack_zeros(size_t count, size_t size);

/* Of PACK_BUCKETS. */
uint32_t pack_hash(const void *bytes, size_t size);

/* The packed string that is equal to this one. */
txString pack_keep_string(const char *string);

/* A function in the firmware's bytecode. */
struct pack_function {
    const uint8_t *code;
    uint32_t length;
    bool reached;  /* it exists, so that its code is packed */
    uint8_t *copy; /* where to */
};

void pack_find_functions(const struct bundle *firmware);
/* The function whose code begins there, or NULL. */
struct pack_function *pack_function(const txByte *code);
/* Whether it, or a function in it, says `super`. */
bool pack_says_super(const struct pack_function *function);
/* Packs the code of those that are reached. */
void pack_copy_functions(void);

/* Says on the console where each went: the offset from `start`, that in the firmware's bytecode, the length.
 */
void pack_list_functions(const struct bundle *firmware, const uint8_t *start);

/* Bytes that were packed. */
unsigned pack_code_size(void);
unsigned pack_strings_size(void);

#endif
