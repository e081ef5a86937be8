/*
 * slots_camera.h: a camera's slots, with its flash in memory, which can lose its supply at any operation;
 * behind lines.h.
 */
#include "slots.h"

enum { UNIT = 4096, PROGRAM_UNIT = 8, SLOT_UNITS = 2, UNITS = 2 + SLOTS * SLOT_UNITS };
#define SIZE (UNITS * UNIT)

static struct port_flash_area geometry = {"update", SIZE, UNIT, PROGRAM_UNIT};
#define FLASH_MODEL_AREA PORT_FLASH_UPDATE
#define FLASH_MODEL_SIZE SIZE
#include "flash_model.h"

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
