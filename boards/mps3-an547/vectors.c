/* vectors.c: the vector table, and what runs before C can. */
#include "internal.h"

/* The register that guards the stack is set before there is one. */
__attribute__((naked)) void reset_handler(void) {
    __asm__ volatile("ldr r0, =board_stack_limit\n\t"
                     "msr msplim, r0\n\t"
                     "ldr r0, =board_stack_top\n\t"
                     "msr msp, r0\n\t"
                     "b startup");
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + INTERRUPTS])(void) = {
    [0] = (void (*)(void))board_stack_top,
    [1] = reset_handler,
    [2] = nmi_handler,
    [3] = hard_fault_handler,
    /* Memory management, bus, usage and secure faults stay disabled, so that they arrive as hard faults. */
    [4 ... 15] = unexpected_interrupt,
    [16 ... 15 + INTERRUPT_TIMER_ALARM] = unexpected_interrupt,
    [16 + INTERRUPT_TIMER_ALARM] = alarm_interrupt,
    [17 + INTERRUPT_TIMER_ALARM... 15 + INTERRUPT_CONSOLE_RX] = unexpected_interrupt,
    [16 + INTERRUPT_CONSOLE_RX] = console_rx_interrupt,
    [17 + INTERRUPT_CONSOLE_RX... 15 + INTERRUPT_HCI_RX] = unexpected_interrupt,
    [16 + INTERRUPT_HCI_RX] = hci_rx_interrupt,
    [16 + INTERRUPT_HCI_TX] = hci_tx_interrupt,
    [16 + INTERRUPT_LINES_RX] = lines_rx_interrupt,
    [17 + INTERRUPT_LINES_RX... 15 + INTERRUPTS] = unexpected_interrupt,
};
