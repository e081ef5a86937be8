/*
 * rom.h: the preloaded machine as it lies in flash, for those who make it (rom_preload.c, rom_pack.c) and for
 * those who start from it (rom.c).
 */
#ifndef OBSCURA_ROM_H
#define OBSCURA_ROM_H

#include "runtime.h"

#define ROM_MAGIC 0x324d4f52u /* "ROM2" */

/* At the start of the region. Pointers point into the region, or into the program that it was made by. */
struct rom_header {
    uint32_t magic;
    uint32_t size;
    uint64_t checksum; /* rom_checksum, which leaves this place out */
    uint8_t build_id[PORT_BUILD_ID_SIZE];
    txSlot *main;           /* instance of the firmware's default export */
    txSlot *natives;        /* instance of the object of natives */
    struct bundle firmware; /* its name and its symbols' identifiers; the code is packed */
    txMachine root;         /* zeros but for what fxCloneMachine reads */
};

/* ---- rom.c ---- */

/* The preloaded machine in flash; NULL when there is none that belongs to this program. */
const struct rom_header *rom_find(void);

/* Whether no bit of it has changed since it was made. */
bool rom_is_whole(const struct rom_header *header);

/* Of header->size bytes. Finds any change of less than 33 bits in a row; it is no protection against intent.
 */
uint64_t rom_checksum(const struct rom_header *header);

/* ---- rom_preload.c ---- */

/* Makes it: evaluates the firmware's module, writes the image, ends the program. */
void rom_preload(void) __attribute__((noreturn));

/* ---- rom_pack.c ---- */

/* Whether it is the list of a function's outer variables, which nothing but the function's code can see. */
bool rom_is_environment(const txSlot *instance);

/* What a machine was packed into. */
struct rom_packed {
    unsigned slots;
    unsigned slots_shared; /* left out, because an equal one was there already */
    unsigned code;         /* bytes of functions */
    unsigned strings;      /* bytes of strings */
};

/*
 * Copies what is reachable in a shared machine to `header` and behind it, functions' code and strings
 * included, and fills in the header's pointers. `limit` is the region's end. Slots lie in scratch[0..size).
 * The machine cannot run afterwards.
 */
struct rom_packed rom_pack(struct rom_header *header, const uint8_t *limit, txMachine *the,
                           const struct bundle *firmware, uint8_t *scratch, size_t size);

#endif
