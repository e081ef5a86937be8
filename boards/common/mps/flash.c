/*
 * flash.c: areas with the rules of NOR flash in the 16 MB of PSRAM at 0x60000000, which QEMU can keep in a
 * file of the host. The first 4 KB of that memory hold what is known of the areas, which follow, one after
 * the other.
 *
 * A new file is all zeros, and a NOR flash comes erased: the first use of an erase unit erases it, and is
 * noted by a byte for the unit and a marker for its area. Nothing is ever programmed before the byte stands,
 * so a missing one means a new file, or a first use that was cut short. Anything else than zeros and erased
 * words is kept as it is: that is damage, and the records' affair.
 */
#include "flash_list.h"
#include "internal.h"
#include <string.h>

/* Markers of the areas, from the beginning; bytes of all units, one area's behind the other's, from the
 * middle. */
#define KNOWN 4096u
#define UNIT_BYTES 2048u
#define UNITS_MAX (KNOWN - UNIT_BYTES)
#define ERASED 0xFF
#define PREPARED 0xA5

/* QEMU's exit status where the supply went, as on the host board. */
#define CUT_STATUS 4

struct marker {
    char text[16];
};

static const struct marker marker = {"obscura flash 1"};

_Static_assert(PORT_FLASH_AREAS * sizeof(struct marker) <= UNIT_BYTES, "a marker for each area");
#define AREA(IDENTIFIER, NAME, SIZE, ERASE_UNIT, PROGRAM_UNIT) +SIZE / ERASE_UNIT
_Static_assert(0 FLASH_AREAS(AREA) <= UNITS_MAX, "a byte for each erase unit");
#undef AREA

/* The supply goes in the middle of this operation, counted from power-on; 0 for never. */
static uint32_t cut_at;
static uint32_t operations __attribute__((section(".noinit")));

void flash_cut_at(uint32_t operation) {
    cut_at = operation;
    if (reset_count() == 1)
        operations = 0;
}

/* How much of an operation is done. */
static uint32_t before_cut(uint32_t length, bool *is_cut) {
    *is_cut = cut_at != 0 && ++operations == cut_at;
    return *is_cut ? length / 2 : length;
}

/* Nothing may be left in the write buffer when the host kills us. */
static void settle(void) {
    __asm__ volatile("dsb" : : : "memory");
}

static void cut(void) {
    settle();
    port_exit(CUT_STATUS);
}

static uint8_t *cells(enum port_flash_area_id area, uint32_t offset) {
    return board_state + KNOWN + flash_list_start(area) + offset;
}

static uint8_t *unit_bytes(enum port_flash_area_id area) {
    uint32_t before = 0;
    for (unsigned i = 0; i < area; i++) {
        const struct port_flash_area *other = port_flash_area((enum port_flash_area_id)i);
        before += other->size / other->erase_unit;
    }
    return board_state + UNIT_BYTES + before;
}

static bool is_fresh(const uint32_t *words, uint32_t size) {
    uint32_t others = 0;
    for (uint32_t i = 0; i < size / sizeof *words; i++)
        others |= (words[i] + 1) >> 1; /* 0 for 0 and UINT32_MAX only */
    return others == 0;
}

/* Whether the area was in use before. Without its marker nothing is known of its units. */
static bool was_used(enum port_flash_area_id area) {
    return memcmp((struct marker *)board_state + area, &marker, sizeof marker) == 0;
}

static void prepare_unit(enum port_flash_area_id area, uint32_t unit, bool was_used_before) {
    uint32_t size = port_flash_area(area)->erase_unit;
    uint8_t *start = cells(area, unit * size);
    static bool has_complained;
    if (is_fresh((const uint32_t *)start, size))
        memset(start, ERASED, size);
    else if (!was_used_before && !has_complained) {
        console_printf("flash: the marker is missing, the area is not empty and is kept\n");
        has_complained = true;
    }
    settle();
    unit_bytes(area)[unit] = PREPARED;
    settle();
}

/* Prepares the units of a range that are used for the first time. */
static uint8_t *memory_of(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    static bool used_before[PORT_FLASH_AREAS], is_known[PORT_FLASH_AREAS];
    const struct port_flash_area *geometry = port_flash_area(area);
    uint8_t *units = unit_bytes(area);
    if (!is_known[area]) {
        is_known[area] = true;
        used_before[area] = was_used(area);
        if (!used_before[area])
            memset(units, 0, geometry->size / geometry->erase_unit);
    }
    if (length > 0)
        for (uint32_t unit = offset / geometry->erase_unit;
             unit <= (offset + length - 1) / geometry->erase_unit; unit++)
            if (units[unit] != PREPARED)
                prepare_unit(area, unit, used_before[area]);
    if (!used_before[area] && !was_used(area)) {
        ((struct marker *)board_state)[area] = marker;
        settle();
    }
    return cells(area, offset);
}

/* What has never been used reads as zeros here. */
const void *port_flash_map(enum port_flash_area_id area) {
    return area < PORT_FLASH_AREAS ? cells(area, 0) : NULL;
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (!flash_list_fits(area, offset, length, 1))
        return false;
    memcpy(bytes, memory_of(area, offset, length), length);
    return true;
}

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (area >= PORT_FLASH_AREAS ||
        !flash_list_fits(area, offset, length, port_flash_area(area)->program_unit))
        return false;
    volatile uint8_t *memory = memory_of(area, offset, length);
    const uint8_t *wanted = bytes;
    bool verified = true, is_cut;
    uint32_t done = before_cut(length, &is_cut);
    for (uint32_t i = 0; i < done; i++) {
        memory[i] &= wanted[i];
        verified &= memory[i] == wanted[i];
    }
    if (is_cut)
        cut();
    return verified;
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (area >= PORT_FLASH_AREAS || !flash_list_fits(area, offset, length, port_flash_area(area)->erase_unit))
        return false;
    uint8_t *memory = memory_of(area, offset, length);
    bool is_cut;
    memset(memory, ERASED, before_cut(length, &is_cut));
    if (is_cut)
        cut();
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    settle();
    return area < PORT_FLASH_AREAS;
}
