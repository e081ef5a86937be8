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
