/*
 * flash_model.h: an area of flash in memory, behind the functions of port.h, which can fail, and lose its
 * supply at any operation. Before it:
 *
 *   FLASH_MODEL_AREA   its enum port_flash_area_id
 *   FLASH_MODEL_SIZE   bytes that there are at most
 *   geometry           its struct port_flash_area
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

static _Alignas(16) uint8_t cells[FLASH_MODEL_SIZE];
/* Programmed or erased so far; and erased, in units. */
static unsigned operations, erasures;
/* The supply goes at operation `cut_at` (0: never), of which so many quarters have been done. */
static unsigned cut_at, cut_quarters;
static jmp_buf power_off;
/* Programming fails, and changes nothing. */
static bool is_broken;
/* Nothing is programmed twice: some flash does not bear it. */
static bool is_written_once;

const struct port_flash_area *port_flash_area(enum port_flash_area_id area) {
    return area == FLASH_MODEL_AREA ? &geometry : NULL;
}

const void *port_flash_map(enum port_flash_area_id area) {
    return area == FLASH_MODEL_AREA ? cells : NULL;
}

static bool in_range(enum port_flash_area_id area, uint32_t offset, uint32_t length, uint32_t unit) {
    return area == FLASH_MODEL_AREA && offset <= geometry.size && length <= geometry.size - offset &&
           offset % unit == 0 && length % unit == 0;
}

static bool flash_is_erased(uint32_t offset, uint32_t length) {
    for (uint32_t i = 0; i < length; i++)
        if (cells[offset + i] != 0xff)
            return false;
    return true;
}

/* How much of an operation is done. */
static uint32_t share(uint32_t length) {
    return ++operations == cut_at ? length / 4 * cut_quarters : length;
}

static void maybe_off(void) {
    if (operations == cut_at)
        longjmp(power_off, 1);
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (!in_range(area, offset, length, 1))
        return false;
    memcpy(bytes, cells + offset, length);
    return true;
}

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (!in_range(area, offset, length, geometry.program_unit) || is_broken)
        return false;
    if (is_written_once && !flash_is_erased(offset, length))
        abort();
    uint32_t done = share(length);
    for (uint32_t i = 0; i < done; i++)
        cells[offset + i] &= ((const uint8_t *)bytes)[i];
    maybe_off();
    return memcmp(cells + offset, bytes, length) == 0;
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (!in_range(area, offset, length, geometry.erase_unit))
        return false;
    erasures += length / geometry.erase_unit;
    memset(cells + offset, 0xff, share(length));
    maybe_off();
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    return area == FLASH_MODEL_AREA;
}
