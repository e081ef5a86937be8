/* The state area: geometry, erase, program, ranges; and every area in the background. Leaves them erased. */
#include "check.h"
#include "tests.h"
#include "port.h"
#include <string.h>

#define PIECE 64

static bool filled(uint32_t offset, uint32_t length, uint8_t value) {
    uint8_t bytes[PIECE];
    for (uint32_t end = offset + length; offset < end; offset += PIECE) {
        if (!port_flash_read(PORT_FLASH_STATE, offset, bytes, PIECE))
            return false;
        for (int i = 0; i < PIECE; i++)
            if (bytes[i] != value)
                return false;
    }
    return true;
}

/* Waits for the end of the operation in the background. */
static bool ended(enum port_flash_outcome outcome) {
    while (!(port_event_wait() & PORT_EVENT_FLASH))
        continue;
    return port_flash_outcome() == outcome;
}

static void test_background(void) {
    bool erased = true, programmed = true, kept = true, refused = true;
    uint8_t bytes[PIECE], read[PIECE];

    memset(bytes, 0x5A, PIECE);
    check(port_flash_area(PORT_FLASH_AREAS) == NULL, "there is no area beyond the last one");
    for (unsigned i = 0; i < PORT_FLASH_AREAS; i++) {
        enum port_flash_area_id id = (enum port_flash_area_id)i;
        const struct port_flash_area *area = port_flash_area(id);
        uint32_t last = area->size - area->erase_unit;
        port_flash_program(id, last, bytes, PIECE);
        erased &= port_flash_begin_erase(id, last, area->erase_unit) && ended(PORT_FLASH_DONE) &&
                  port_flash_read(id, last, read, PIECE) && read[0] == 0xFF;
        programmed &= port_flash_begin_program(id, last, bytes, PIECE) && ended(PORT_FLASH_DONE) &&
                      port_flash_read(id, last, read, PIECE) && memcmp(read, bytes, PIECE) == 0;
        for (unsigned other = 0; other < i; other++) {
            const struct port_flash_area *before = port_flash_area((enum port_flash_area_id)other);
            port_flash_read((enum port_flash_area_id)other, before->size - PIECE, read, PIECE);
            kept &= read[PIECE - 1] == 0xFF;
        }
        refused &= !port_flash_begin_erase(id, area->size, area->erase_unit) || ended(PORT_FLASH_FAILED);
        port_flash_erase(id, last, area->erase_unit);
    }
    check(erased, "every area can be erased in the background");
    check(programmed, "and programmed");
    check(kept, "which leaves the areas before it alone");
    check(refused, "and not beyond its end");
}

void test_flash(void) {
    const struct port_flash_area *area = port_flash_area(PORT_FLASH_STATE);
    uint8_t bytes[PIECE], read[PIECE];

    check(area != NULL, "there is a state area");
    if (!area)
        return;
    uint32_t unit = area->program_unit;
    check(area->size % area->erase_unit == 0 && area->size / area->erase_unit >= 2,
          "the state area is two or more whole erase units");
    check(unit > 0 && unit <= PIECE / 2 && (unit & (unit - 1)) == 0 && area->erase_unit % unit == 0,
          "the program unit is a power of two up to 32 that divides the erase unit");

    check(port_flash_erase(PORT_FLASH_STATE, 0, area->size), "the whole area can be erased");
    check(filled(0, area->size, 0xFF), "erased flash reads 0xFF");

    for (int i = 0; i < PIECE; i++)
        bytes[i] = (uint8_t)(i * 5 + 1);
    check(port_flash_program(PORT_FLASH_STATE, 0, bytes, PIECE), "bytes can be programmed");
    check(port_flash_read(PORT_FLASH_STATE, 0, read, PIECE) && memcmp(read, bytes, PIECE) == 0,
          "programmed bytes are read back");
    check(port_flash_read(PORT_FLASH_STATE, 3, read, 7) && memcmp(read, bytes + 3, 7) == 0,
          "reading needs no alignment");
    check(filled(PIECE, area->erase_unit - PIECE, 0xFF), "programming leaves the neighbours alone");

    memset(bytes, 0xF0, PIECE);
    port_flash_program(PORT_FLASH_STATE, area->erase_unit, bytes, unit);
    memset(bytes, 0x30, PIECE);
    check(port_flash_program(PORT_FLASH_STATE, area->erase_unit, bytes, unit),
          "a programmed unit can be programmed again to clear more bits");
    port_flash_read(PORT_FLASH_STATE, area->erase_unit, read, unit);
    check(read[0] == 0x30 && read[unit - 1] == 0x30, "which clears them");
    memset(bytes, 0xFF, PIECE);
    port_flash_program(PORT_FLASH_STATE, area->erase_unit, bytes, unit);
    port_flash_read(PORT_FLASH_STATE, area->erase_unit, read, unit);
    check(read[0] == 0x30 && read[unit - 1] == 0x30, "programming sets no bit");

    check(port_flash_erase(PORT_FLASH_STATE, 0, area->erase_unit) && filled(0, area->erase_unit, 0xFF),
          "one erase unit can be erased");
    port_flash_read(PORT_FLASH_STATE, area->erase_unit, read, unit);
    check(read[0] == 0x30, "erasing leaves the next unit alone");

    check(!port_flash_program(PORT_FLASH_STATE, area->size - unit, bytes, 2 * unit) &&
              !port_flash_erase(PORT_FLASH_STATE, area->size, area->erase_unit) &&
              !port_flash_read(PORT_FLASH_STATE, area->size - 1, read, 2) &&
              !port_flash_read(PORT_FLASH_STATE, UINT32_MAX, read, 2),
          "a range that leaves the area is refused");
    check(!port_flash_erase(PORT_FLASH_STATE, 0, area->erase_unit - 1) &&
              !port_flash_erase(PORT_FLASH_STATE, unit, area->erase_unit),
          "erasing part of a unit is refused");
    if (unit > 1)
        check(!port_flash_program(PORT_FLASH_STATE, 1, bytes, unit) &&
                  !port_flash_program(PORT_FLASH_STATE, 0, bytes, unit - 1),
              "programming part of a unit is refused");
    check(port_flash_sync(PORT_FLASH_STATE), "flash can be synchronised");
    port_flash_erase(PORT_FLASH_STATE, 0, area->size);
    test_background();
}
