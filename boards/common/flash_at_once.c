/*
 * flash_at_once.c: operations in the background for boards whose flash knows none, or takes no time: done at
 * once, and reported as port.h says.
 */
#include "port.h"

static enum port_flash_outcome outcome;

static bool ended(bool done) {
    outcome = done ? PORT_FLASH_DONE : PORT_FLASH_FAILED;
    port_event_post(PORT_EVENT_FLASH);
    return true;
}

bool port_flash_begin_program(enum port_flash_area_id area, uint32_t offset, const void *bytes,
                              uint32_t length) {
    return ended(port_flash_program(area, offset, bytes, length));
}

bool port_flash_begin_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    return ended(port_flash_erase(area, offset, length));
}

enum port_flash_outcome port_flash_outcome(void) {
    return outcome;
}
