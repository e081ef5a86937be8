/* chip_lines.c: the frames to and from a modelled controller. */
#include "chip_lines.h"

static volatile uint32_t answer;
static volatile uint8_t answered; /* the line whose answer came last */

void chip_lines_take(uint8_t byte) {
    static uint8_t frame[CHIP_LINES_FRAME_SIZE];
    static size_t length;
    frame[length++] = byte;
    if (length < sizeof frame)
        return;
    length = 0;
    uint32_t value = frame[1] | (uint32_t)frame[2] << 8 | (uint32_t)frame[3] << 16 | (uint32_t)frame[4] << 24;
    if (frame[0] == CHIP_LINE_HOST_WAKE || frame[0] == CHIP_LINE_READY) {
        chip_lines_changed(frame[0], value != 0);
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
