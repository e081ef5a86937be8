/*
 * wake.c: deep sleep, and what ends it. QEMU can switch nothing off and has no pins: the processor sleeps,
 * and starts over when it wakes; on the console's UART the byte 'b' is the button, and 'm' is motion.
 */
#include "internal.h"

#define BUTTON_BYTE 'b'
#define MOTION_BYTE 'm'

static volatile uint32_t woken;

uint32_t port_wake_sources(void) {
    return PORT_WAKE_TIMER | PORT_WAKE_MOTION | PORT_WAKE_BUTTON;
}

void console_rx_interrupt(void) {
    UART_CONSOLE->interrupt = UART_INTERRUPT_RX;
    while (UART_CONSOLE->state & UART_STATE_RX_FULL) {
        uint8_t byte = (uint8_t)UART_CONSOLE->data;
        woken |= byte == BUTTON_BYTE ? PORT_WAKE_BUTTON : byte == MOTION_BYTE ? PORT_WAKE_MOTION : 0;
    }
    port_event_post(PORT_EVENT_POST);
}

/* The console listens in deep sleep only. */
static void listen(void) {
    UART_CONSOLE->control = UART_CONTROL_TX | UART_CONTROL_RX | UART_CONTROL_RX_INTERRUPT;
    interrupt_enable(INTERRUPT_CONSOLE_RX);
}

void port_deep_sleep(uint64_t at_us, uint32_t sources) {
    bool is_timed = sources & PORT_WAKE_TIMER;
    if (sources & (PORT_WAKE_BUTTON | PORT_WAKE_MOTION))
        listen();
    while (!is_timed || port_rtc_us() < at_us) {
        if (woken & sources & PORT_WAKE_BUTTON)
            reset_because(PORT_RESET_WAKE_BUTTON);
        if (woken & sources & PORT_WAKE_MOTION)
            reset_because(PORT_RESET_WAKE_MOTION);
        /* port_clock_us is behind port_rtc_us by what passed before this start. */
        port_alarm_set(is_timed ? at_us - (port_rtc_us() - port_clock_us()) : PORT_NEVER);
        port_event_wait();
    }
    reset_because(PORT_RESET_WAKE_TIMER);
}
