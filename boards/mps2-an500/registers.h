/*
 * registers.h: where the devices of the Arm MPS2 with application note 500 lie, as this board uses them.
 * Sources: Arm DAI0500 (memory map), DDI0479 (CMSDK timer), DDI0403 (Armv7-M).
 */
#ifndef MPS2_AN500_REGISTERS_H
#define MPS2_AN500_REGISTERS_H

#include "cmsdk.h"

#define CORE_CLOCK_HZ UINT32_C(25000000)
#define UART_CLOCK_HZ CORE_CLOCK_HZ
#define WATCHDOG_CLOCK_HZ CORE_CLOCK_HZ
/* What clock_ticks counts. */
#define TICKS_PER_US (CORE_CLOCK_HZ / 1000000)

/* A machine that was given no `id=` is this one; two of them on one radio need an id each. */
#define BOARD_UNIQUE_ID                                                                                      \
    { 'a', 'n', '5', '0', '0', 0, 0, 1 }

/* An address where nothing is, for the self-test. */
#define BOARD_NOWHERE 0xA8000000

#define UART_CONSOLE ((struct uart_registers *)0x40004000)
#define UART_HCI ((struct uart_registers *)0x40005000)
#define UART_RADIO_LINES ((struct uart_registers *)0x40006000)

#define WATCHDOG ((struct watchdog_registers *)0x40008000)

/* ---- CMSDK APB timer: counts down at the core clock, reloads at 0 ---- */

struct timer_registers {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
    volatile uint32_t interrupt; /* write 1: clear */
};

#define TIMER_CLOCK ((struct timer_registers *)0x40000000)
#define TIMER_ALARM ((struct timer_registers *)0x40001000)

#define TIMER_CONTROL_ENABLE (1u << 0)
#define TIMER_CONTROL_INTERRUPT (1u << 3)

/* ---- interrupt numbers ---- */

enum interrupt_number {
    INTERRUPT_CONSOLE_RX = 0,
    INTERRUPT_HCI_RX = 2,
    INTERRUPT_HCI_TX = 3,
    INTERRUPT_LINES_RX = 4,
    INTERRUPT_TIMER_CLOCK = 8,
    INTERRUPT_TIMER_ALARM = 9,
    INTERRUPTS = 32,
};

/* ---- the memory protection unit of Armv7-M (DDI0403 B3.5) ---- */

#define MPU_CTRL REGISTER(0xE000ED94)
#define MPU_RNR REGISTER(0xE000ED98)
#define MPU_RBAR REGISTER(0xE000ED9C)
#define MPU_RASR REGISTER(0xE000EDA0)

/* An exception whose frame could not be stacked. */
#define CFSR_STACKING (1u << 4 | 1u << 5 | 1u << 12 | 1u << 13)

#endif
