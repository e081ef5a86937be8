/* flash_list.c: the flash areas that board.json lists, and the rules for ranges in them. */
#include "flash_list.h"

static const struct port_flash_area areas[PORT_FLASH_AREAS] = {
#define AREA(IDENTIFIER, NAME, SIZE, ERASE_UNIT, PROGRAM_UNIT) {NAME, SIZE, ERASE_UNIT, PROGRAM_UNIT},
    FLASH_AREAS(AREA)
#undef AREA
};

#define AREA(IDENTIFIER, NAME, SIZE, ERASE_UNIT, PROGRAM_UNIT)                                               \
    _Static_assert(SIZE % ERASE_UNIT == 0 && SIZE / ERASE_UNIT >= 2 && ERASE_UNIT % PROGRAM_UNIT == 0,       \
                   "flash area " NAME ": two or more whole erase units, of whole program units");
FLASH_AREAS(AREA)
#undef AREA

const struct port_flash_area *port_flash_area(enum port_flash_area_id area) {
    return area < PORT_FLASH_AREAS ? &areas[area] : NULL;
}

uint32_t flash_list_start(enum port_flash_area_id area) {
    uint32_t start = 0;
    for (unsigned i = 0; i < area; i++)
        start += areas[i].size;
    return start;
}

bool flash_list_fits(enum port_flash_area_id area, uint32_t offset, uint32_t length, uint32_t unit) {
    if (area >= PORT_FLASH_AREAS)
        return false;
    uint32_t size = areas[area].size;
    return offset <= size && length <= size - offset && offset % unit == 0 && length % unit == 0;
}
