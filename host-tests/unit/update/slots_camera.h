/*
 * slots_camera.h: a camera's slots, with its flash in memory, which can lose its supply at any operation;
 * behind lines.h.
 */
#include <setjmp.h>

#include "slots.h"

/* ---- the flash ---- */

enum { UNIT = 4096, PROGRAM_UNIT = 8, SLOT_UNITS = 2, UNITS = 2 + SLOTS * SLOT_UNITS };
#define SIZE (UNITS * UNIT)

static _Alignas(16) uint8_t cells[SIZE];
static unsigned operations;
/* The supply goes at operation `cut_at` (0: never), of which so many quarters have been done. */
static unsigned cut_at, cut_quarters;
static jmp_buf power_off;

const struct port_flash_area *port_flash_area(enum port_flash_area_id area) {
    static const struct port_flash_area update = {"update", SIZE, UNIT, PROGRAM_UNIT};
    return area == PORT_FLASH_UPDATE ? &update : NULL;
}

const void *port_flash_map(enum port_flash_area_id area) {
    return area == PORT_FLASH_UPDATE ? cells : NULL;
}

static bool in_range(uint32_t offset, uint32_t length, uint32_t unit) {
    return offset <= SIZE && length <= SIZE - offset && offset % unit == 0 && length % unit == 0;
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (area != PORT_FLASH_UPDATE || !in_range(offset, length, 1))
        return false;
    memcpy(bytes, cells + offset, length);
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

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (area != PORT_FLASH_UPDATE || !in_range(offset, length, PROGRAM_UNIT))
        return false;
    uint32_t done = share(length);
    for (uint32_t i = 0; i < done; i++)
        cells[offset + i] &= ((const uint8_t *)bytes)[i];
    maybe_off();
    return memcmp(cells + offset, bytes, length) == 0;
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (area != PORT_FLASH_UPDATE || !in_range(offset, length, UNIT))
        return false;
    memset(cells + offset, 0xff, share(length));
    maybe_off();
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    return area == PORT_FLASH_UPDATE;
}

/* ---- the camera ---- */

static struct slots_choice running;

/* As an upload does: erases a free slot, and programs it piece by piece. */
static bool upload(unsigned slot, const uint8_t *bytes, uint32_t size) {
    enum { PIECE = 512 };
    if (slots_writable(slot, &running))
        return false;
    uint32_t offset = slots_offset(slot);
    for (uint32_t at = 0; at < slots_size(); at += UNIT)
        if (!port_flash_erase(PORT_FLASH_UPDATE, offset + at, UNIT))
            return false;
    for (uint32_t at = 0; at < size; at += PIECE) {
        uint8_t piece[PIECE];
        memset(piece, 0xff, sizeof piece);
        memcpy(piece, bytes + at, size - at < PIECE ? size - at : PIECE);
        if (!port_flash_program(PORT_FLASH_UPDATE, offset + at, piece, sizeof piece))
            return false;
    }
    return true;
}

static unsigned free_slot(void) {
    return slots_other(running.slot);
}

/* As the natives do: verifies, then marks. On false, *problem says why. */
static bool mark(unsigned slot, bool is_permanent, const char **problem) {
    static char sentence[200];
    struct signed_bundle bundle;
    const struct refusal *why = slots_markable(slot, &running);
    if (why) {
        *problem = why->text;
        return false;
    }
    why = signed_bundle_open(&bundle, slots_bytes(slot), slots_size(), &target);
    if (!why)
        why = slots_refusal(&bundle);
    if (why)
        snprintf(sentence, sizeof sentence, "the bundle %s", why->text);
    else if ((why = slots_mark(slot, is_permanent, &bundle, &running, &target)))
        snprintf(sentence, sizeof sentence, "%s", why->text);
    *problem = sentence;
    return !why;
}
