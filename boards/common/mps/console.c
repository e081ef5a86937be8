/* console.c: UART0, polled, so that it works from every context, faults included. */
#include "internal.h"
#include <stdarg.h>

#define CONSOLE_BAUD 115200
/* A character has left after 87 us; in an emulator it waits for who reads, or for ever. */
#define FINISH_MAX_US UINT64_C(1000000)

void console_init(void) {
    UART_CONSOLE->baud_divider = UART_CLOCK_HZ / CONSOLE_BAUD;
    UART_CONSOLE->control = UART_CONTROL_TX;
}

static void put(char character) {
    while (UART_CONSOLE->state & UART_STATE_TX_FULL)
        ;
    UART_CONSOLE->data = (uint8_t)character;
}

void port_console_write(const char *text, size_t length) {
    while (length--)
        put(*text++);
}

void console_finish(void) {
    uint64_t start_us = port_clock_us();
    while ((UART_CONSOLE->state & UART_STATE_TX_FULL) && port_clock_us() - start_us < FINISH_MAX_US)
        ;
}

static void put_number(uint32_t value, uint32_t base, int digits) {
    char text[10];
    int count = 0;
    do {
        text[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value || count < digits);
    while (count)
        put(text[--count]);
}

void console_printf(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        int digits = 0;
        while (*++format >= '0' && *format <= '9')
            digits = *format - '0';
        switch (*format) {
        case 's':
            for (const char *text = va_arg(arguments, const char *); *text; text++)
                put(*text);
            break;
        case 'u':
            put_number(va_arg(arguments, unsigned), 10, 1);
            break;
        case 'x':
            put_number(va_arg(arguments, unsigned), 16, digits);
            break;
        default:
            put(*format);
        }
    }
    va_end(arguments);
}
