/* flash_list.h: what the flash drivers of boards share: the areas that board.json lists. */
#ifndef OBSCURA_FLASH_LIST_H
#define OBSCURA_FLASH_LIST_H

#include "port.h"

/* Bytes of the areas before this one; of all areas for PORT_FLASH_AREAS. */
uint32_t flash_list_start(enum port_flash_area_id area);

/* Whether a range lies in an area, and begins and ends on multiples of `unit`. */
bool flash_list_fits(enum port_flash_area_id area, uint32_t offset, uint32_t length, uint32_t unit);

#endif
