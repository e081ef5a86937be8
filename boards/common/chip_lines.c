/* chip_lines.c: requests to a modelled controller, and port.h's section of a controller that has to be
 * brought up. */
#include "chip_lines.h"
#include "port.h"

static volatile uint32_t answer;
static volatile uint8_t answered; /* the line whose answer came last */
static volatile bool host_wake;

void chip_lines_take(uint8_t byte) {
    static uint8_t frame[CHIP_LINES_FRAME_SIZE];
    static size_t length;
    frame[length++] = byte;
    if (length < sizeof frame)
        return;
    length = 0;
    uint32_t value = frame[1] | (uint32_t)frame[2] << 8 | (uint32_t)frame[3] << 16 | (uint32_t)frame[4] << 24;
    if (frame[0] == CHIP_LINE_HOST_WAKE) {
        host_wake = value != 0;
        port_event_post(PORT_EVENT_HOST_WAKE);
    } else {
        answer = value;
        answered = frame[0];
    }
}

uint32_t chip_lines_request(enum chip_line line, uint32_t value) {
    uint8_t frame[CHIP_LINES_FRAME_SIZE] = {(uint8_t)line, (uint8_t)value, (uint8_t)(value >> 8),
                                            (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    answered = 0;
    chip_lines_send(frame, sizeof frame);
    while (answered != line)
        chip_lines_wait();
    return answer;
}

bool chip_lines_is_patch(const uint8_t *patch, size_t size) {
    /* Write RAM's opcode. */
    return size >= 2 && patch[0] == 0x4c && patch[1] == 0xfc;
}

void port_radio_wake(bool awake) {
    chip_lines_request(CHIP_LINE_WAKE, awake);
}

bool port_radio_ready(void) {
    return chip_lines_request(CHIP_LINE_READY, 0) != 0;
}

/* A modelled controller holds its bytes while RTS is up; those before it are still on their way through the
 * host's sockets, so the UART that they come to goes on. */
bool port_uart_suspends(void) {
    return port_radio_driver() != NULL;
}

bool port_radio_host_wake(void) {
    return host_wake;
}
