/*
 * flash.c: an area with the rules of NOR flash in the 16 MB of PSRAM at 0x60000000, which QEMU can keep in a
 * file of the host. The first erase unit of that memory holds a marker, the area follows.
 *
 * A new file is all zeros, and a NOR flash comes erased: the first start erases the area and leaves the
 * marker. Nothing is ever programmed before the marker stands, so a missing one means a new file, or a first
 * start that was cut short. Anything else than zeros and erased words is kept as it is: that is damage, and
 * the records' affair.
 */
#include "internal.h"
#include <string.h>

#define ERASE_UNIT 4096u
#define PROGRAM_UNIT 8u
#define AREA_SIZE (64u * 1024u)
#define ERASED 0xFF

static const struct port_flash_area state_area = {AREA_SIZE, ERASE_UNIT, PROGRAM_UNIT};
static const char marker[16] = "obscura flash 1";

static uint8_t *area_memory(void) {
    return board_state + ERASE_UNIT;
}

/* Nothing may be left in the write buffer when the host kills us. */
static void settle(void) {
    __asm__ volatile("dsb" : : : "memory");
}

void flash_init(void) {
    if (memcmp(board_state, marker, sizeof marker) == 0)
        return;
    const uint32_t *words = (const uint32_t *)area_memory();
    bool fresh = true;
    for (uint32_t i = 0; i < AREA_SIZE / sizeof *words && fresh; i++)
        fresh = words[i] == 0 || words[i] == UINT32_MAX;
    if (fresh)
        memset(area_memory(), ERASED, AREA_SIZE);
    else
        console_printf("flash: the marker is missing, the area is not empty and is kept\n");
    settle();
    memcpy(board_state, marker, sizeof marker);
    settle();
}

const struct port_flash_area *port_flash_area(enum port_flash_area_id area) {
    return area == PORT_FLASH_STATE ? &state_area : NULL;
}

static bool in_range(enum port_flash_area_id area, uint32_t offset, uint32_t length, uint32_t unit) {
    return area == PORT_FLASH_STATE && offset <= AREA_SIZE && length <= AREA_SIZE - offset &&
           offset % unit == 0 && length % unit == 0;
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (!in_range(area, offset, length, 1))
        return false;
    memcpy(bytes, area_memory() + offset, length);
    return true;
}

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (!in_range(area, offset, length, PROGRAM_UNIT))
        return false;
    volatile uint8_t *cells = area_memory() + offset;
    const uint8_t *wanted = bytes;
    bool verified = true;
    for (uint32_t i = 0; i < length; i++) {
        cells[i] &= wanted[i];
        verified &= cells[i] == wanted[i];
    }
    return verified;
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (!in_range(area, offset, length, ERASE_UNIT))
        return false;
    memset(area_memory() + offset, ERASED, length);
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    settle();
    return area == PORT_FLASH_STATE;
}
