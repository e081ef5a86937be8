/*
 * flash.c: areas with the rules of NOR flash in the 16 MB of PSRAM at 0x60000000, which QEMU can keep in a
 * file of the host. The first 4 KB of that memory hold a marker for each area, the areas follow, one after
 * the other.
 *
 * A new file is all zeros, and a NOR flash comes erased: the first use of an area erases it and leaves its
 * marker. Nothing is ever programmed before the marker stands, so a missing one means a new file, or a first
 * use that was cut short. Anything else than zeros and erased words is kept as it is: that is damage, and
 * the records' affair.
 */
#include "flash_list.h"
#include "internal.h"
#include <string.h>

#define MARKERS 4096u
#define ERASED 0xFF

struct marker {
    char text[16];
};

static const struct marker marker = {"obscura flash 1"};

_Static_assert(PORT_FLASH_AREAS * sizeof(struct marker) <= MARKERS, "a marker for each area");

/* Nothing may be left in the write buffer when the host kills us. */
static void settle(void) {
    __asm__ volatile("dsb" : : : "memory");
}

static bool is_fresh(const uint32_t *words, uint32_t size) {
    uint32_t others = 0;
    for (uint32_t i = 0; i < size / sizeof *words; i++)
        others |= (words[i] + 1) >> 1; /* 0 for 0 and UINT32_MAX only */
    return others == 0;
}

static void prepare(enum port_flash_area_id area, uint8_t *start) {
    struct marker *mark = (struct marker *)board_state + area;
    if (memcmp(mark, &marker, sizeof marker) == 0)
        return;
    uint32_t size = port_flash_area(area)->size;
    if (is_fresh((const uint32_t *)start, size))
        memset(start, ERASED, size);
    else
        console_printf("flash: the marker is missing, the area is not empty and is kept\n");
    settle();
    *mark = marker;
    settle();
}

/* Prepares the area at its first use: the start does not wait for one that nothing asks for. */
static uint8_t *memory_of(enum port_flash_area_id area) {
    static bool prepared[PORT_FLASH_AREAS];
    uint8_t *start = board_state + MARKERS + flash_list_start(area);
    if (!prepared[area]) {
        prepared[area] = true;
        prepare(area, start);
    }
    return start;
}

const void *port_flash_map(enum port_flash_area_id area) {
    return area < PORT_FLASH_AREAS ? memory_of(area) : NULL;
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (!flash_list_fits(area, offset, length, 1))
        return false;
    memcpy(bytes, memory_of(area) + offset, length);
    return true;
}

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (area >= PORT_FLASH_AREAS ||
        !flash_list_fits(area, offset, length, port_flash_area(area)->program_unit))
        return false;
    volatile uint8_t *cells = memory_of(area) + offset;
    const uint8_t *wanted = bytes;
    bool verified = true;
    for (uint32_t i = 0; i < length; i++) {
        cells[i] &= wanted[i];
        verified &= cells[i] == wanted[i];
    }
    return verified;
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (area >= PORT_FLASH_AREAS || !flash_list_fits(area, offset, length, port_flash_area(area)->erase_unit))
        return false;
    memset(memory_of(area) + offset, ERASED, length);
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    settle();
    return area < PORT_FLASH_AREAS;
}
