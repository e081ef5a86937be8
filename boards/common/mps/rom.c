/*
 * rom.c: the region of the preloaded machine. preload.sh runs the linked image with `preload=FILE`; the
 * region, which QEMU backs with RAM, is then written and handed over by semihosting. In an image that has its
 * machine the shared code never asks.
 */
#include "internal.h"
#include <string.h>

static const char *file;

void rom_preload_into(const char *name) {
    file = name;
}

const struct port_rom *port_rom(void) {
    static struct port_rom rom;
    rom.start = board_rom;
    rom.size = (uintptr_t)board_rom_size;
    rom.build_id = board_build_id;
    rom.leaves = board_leaves;
    rom.leaves_size = (uintptr_t)board_leaves_size;
    return &rom;
}

bool port_rom_preload(void) {
    if (!file)
        return false;
    protection_lift_from_flash();
    memset(board_rom, 0, (uintptr_t)board_rom_size);
    return true;
}

bool port_rom_save(size_t length) {
    return semihosting_write_file(file, board_rom, length);
}
