/*
 * radio.c: the lines of a modelled controller, on UART2. Which controller there is, is said on the
 * command line: a real board has no choice.
 */
#include "chip_lines.h"
#include "hex.h"
#include "internal.h"
#include <string.h>

/* The fastest rate that a CMSDK UART makes: the lines cost no time. */
#define LINES_BAUD_DIVIDER UART_BAUD_DIVIDER_MIN

static bool present;

/* What `public-address=` says. */
static uint8_t public_address[6];
static bool has_public_address;

void radio_lines_init(void) {
    present = true;
    UART_RADIO_LINES->baud_divider = LINES_BAUD_DIVIDER;
    UART_RADIO_LINES->control = UART_CONTROL_TX | UART_CONTROL_RX | UART_CONTROL_RX_INTERRUPT;
    interrupt_enable(INTERRUPT_LINES_RX);
    port_radio_power(false);
    /* A reset puts pins back, and tells the model nothing: it may have come while the UART was stopped. */
    chip_lines_request(CHIP_LINE_RTS, true);
}

void chip_lines_send(const uint8_t *bytes, size_t length) {
    while (length--) {
        while (UART_RADIO_LINES->state & UART_STATE_TX_FULL)
            ;
        UART_RADIO_LINES->data = *bytes++;
    }
}

static void take(void) {
    UART_RADIO_LINES->interrupt = UART_INTERRUPT_RX;
    while (UART_RADIO_LINES->state & UART_STATE_RX_FULL)
        chip_lines_take((uint8_t)UART_RADIO_LINES->data);
}

void lines_rx_interrupt(void) {
    take();
}

/* Also with interrupts masked. */
void chip_lines_wait(void) {
    uint32_t state = interrupts_mask();
    take();
    interrupts_restore(state);
}

void port_radio_power(bool on) {
    if (!on)
        uart_drop();
    chip_lines_request(CHIP_LINE_POWER, on);
}

const char *port_radio_driver(void) {
    return present ? "cyw43" : NULL;
}

bool radio_assign(const char *text) {
    has_public_address = hex_parse(text, public_address, sizeof public_address);
    return has_public_address;
}

bool port_radio_public_address(uint8_t address[6]) {
    memcpy(address, public_address, sizeof public_address);
    return has_public_address;
}

const void *port_radio_patch(size_t *size) {
    bool is_there = chip_lines_is_patch(board_patch, (size_t)(uintptr_t)board_patch_size);
    *size = is_there ? (size_t)(uintptr_t)board_patch_size : 0;
    return is_there ? board_patch : NULL;
}
