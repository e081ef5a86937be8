/*
 * chip_lines.h: the lines of a controller that has to be brought up, on boards whose controller is a model in
 * another process. They travel beside the bytes of the UART. Each request is answered, so that it has taken
 * effect then; CTS and HOST_WAKE are sent when they change, and those that a request changed before its
 * answer.
 */
#ifndef OBSCURA_CHIP_LINES_H
#define OBSCURA_CHIP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A frame is one of these and 32 bits, least significant byte first. A request is answered by a frame of its
 * own line; frames of READY and HOST_WAKE come when these change, also before an answer.
 */
enum chip_line {
    CHIP_LINE_POWER = 1, /* 0 or 1; answered by it */
    CHIP_LINE_WAKE = 2,
    CHIP_LINE_READY = 3,     /* from the model: 1 takes bytes (CTS is low) */
    CHIP_LINE_BAUD = 4,      /* the rate of the UART; answered by it */
    CHIP_LINE_RTS = 5,       /* 0: the UART takes no bytes; answered by it */
    CHIP_LINE_HOST_WAKE = 6, /* from the model: 1 asks for the host */
};

#define CHIP_LINES_FRAME_SIZE 5

/* The board's: sends all; waits until bytes have come, which it has given to chip_lines_take. */
void chip_lines_send(const uint8_t *bytes, size_t length);
void chip_lines_wait(void);

/* A byte that came. IRQ. */
void chip_lines_take(uint8_t byte);

uint32_t chip_lines_request(enum chip_line line, uint32_t value);

/* chip_radio.c's: READY or HOST_WAKE shows another level. IRQ. */
void chip_lines_changed(enum chip_line line, bool level);

/* Whether bytes at `patch` begin a patch: an area that was never written does not. */
bool chip_lines_is_patch(const uint8_t *patch, size_t size);

#endif
