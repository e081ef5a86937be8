/* chip_lines.c: requests to a modelled controller, and port.h's section of a controller that has to be
 * brought up. */
#include "chip_lines.h"
#include "port.h"

uint32_t chip_lines_request(enum chip_line line, uint32_t value) {
    uint8_t request[CHIP_LINES_REQUEST_SIZE] = {(uint8_t)line, (uint8_t)value, (uint8_t)(value >> 8),
                                                (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    uint8_t answer[CHIP_LINES_ANSWER_SIZE];
    chip_lines_send(request, sizeof request);
    chip_lines_receive(answer, sizeof answer);
    return answer[0] | (uint32_t)answer[1] << 8 | (uint32_t)answer[2] << 16 | (uint32_t)answer[3] << 24;
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
