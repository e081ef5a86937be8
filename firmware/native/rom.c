/*
 * rom.c: the preloaded machine. While the image is built, an emulator runs the very program that it is for:
 * the engine creates its built-ins and evaluates the firmware's module (rom_preload.c), everything there is
 * made immutable and packed into a region of flash (rom_pack.c), and the region becomes part of the image. A
 * camera then clones that machine: what is never changed stays in flash, and RAM holds the differences only
 * (an instance that a program changes gets a copy, its alias).
 *
 * The image holds addresses of this program's code, so it carries the program's build identifier.
 */
#include "rom.h"

const struct rom_header *rom_find(void) {
    const struct port_rom *region = port_rom();
    if (!region)
        return NULL;
    const struct rom_header *header = region->start;
    if (header->magic != ROM_MAGIC || header->size > region->size ||
        memcmp(header->build_id, region->build_id, PORT_BUILD_ID_SIZE) != 0)
        return NULL;
    return header;
}

/* Fletcher's, over words: the second sum tells words apart that have changed places. A byte takes one
 * instruction. */
uint64_t rom_checksum(const struct rom_header *header) {
    const uint32_t *word = (const uint32_t *)header;
    const uint32_t *end = word + header->size / sizeof *word;
    const uint32_t *own = (const uint32_t *)&header->checksum;
    uint32_t first = 1, second = 0;
    for (; word < own; word++)
        second += first += *word;
    for (word += sizeof header->checksum / sizeof *word; word < end; word++)
        second += first += *word;
    return (uint64_t)second << 32 | first;
}

bool rom_is_whole(const struct rom_header *header) {
    return rom_checksum(header) == header->checksum;
}
