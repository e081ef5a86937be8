/* chip_radio.c: port.h's section of a controller that has to be brought up, as far as every board with a
 * modelled one has it alike. */
#include "chip_lines.h"
#include "port.h"

static volatile bool ready, host_wake;

void chip_lines_changed(enum chip_line line, bool level) {
    if (line == CHIP_LINE_READY) {
        ready = level;
        port_event_post(PORT_EVENT_CTS);
    } else {
        host_wake = level;
        port_event_post(PORT_EVENT_HOST_WAKE);
    }
}

bool chip_lines_is_patch(const uint8_t *patch, size_t size) {
    /* Write RAM's opcode. */
    return size >= 2 && patch[0] == 0x4c && patch[1] == 0xfc;
}

void port_radio_wake(bool awake) {
    chip_lines_request(CHIP_LINE_WAKE, awake);
}

bool port_radio_ready(void) {
    return ready;
}

/* A modelled controller holds its bytes while RTS is up; those before it are still on their way through the
 * host's sockets, so the UART that they come to goes on. */
bool port_uart_suspends(void) {
    return port_radio_driver() != NULL;
}

bool port_radio_host_wake(void) {
    return host_wake;
}
