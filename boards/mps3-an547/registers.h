/*
 * registers.h: where the devices of the Arm MPS3 with application note 547 lie, as this board uses them: by
 * their secure addresses, because the core starts in secure state and stays there. Sources: Arm DAI0547
 * (memory map), 101773 (SSE-300: counter and timer), DDI0553 (Armv8-M).
 */
#ifndef MPS3_AN547_REGISTERS_H
#define MPS3_AN547_REGISTERS_H

#include "cmsdk.h"

#define CORE_CLOCK_HZ UINT32_C(32000000)
#define UART_CLOCK_HZ UINT32_C(25000000)
#define WATCHDOG_CLOCK_HZ UINT32_C(32000)
/* What clock_ticks counts. */
#define TICKS_PER_US (CORE_CLOCK_HZ / 1000000)

/* A machine that was given no `id=` is this one; two of them on one radio need an id each. */
#define BOARD_UNIQUE_ID                                                                                      \
    { 'a', 'n', '5', '4', '7', 0, 0, 1 }

/* An address where nothing is, for the self-test. */
#define BOARD_NOWHERE 0x12000000

#define UART_CONSOLE ((struct uart_registers *)0x59303000)
#define UART_HCI ((struct uart_registers *)0x59304000)
#define UART_RADIO_LINES ((struct uart_registers *)0x59305000)

#define WATCHDOG ((struct watchdog_registers *)0x5802E000)

/* ---- the 64-bit counter of the SSE-300, which all its timers compare with ---- */

#define COUNTER_CONTROL REGISTER(0x58100000)
#define COUNTER_ENABLE (1u << 0)

struct sse_timer_registers {
    volatile uint32_t count_low, count_high;
    uint32_t reserved[6];
    volatile uint32_t compare_low, compare_high;
    volatile uint32_t value;
    volatile uint32_t control;
};

#define TIMER_ALARM ((struct sse_timer_registers *)0x58000000)

#define TIMER_CONTROL_ENABLE (1u << 0)

/* ---- interrupt numbers ---- */

enum interrupt_number {
    INTERRUPT_TIMER_ALARM = 3,
    INTERRUPT_CONSOLE_RX = 33,
    INTERRUPT_HCI_RX = 35,
    INTERRUPT_HCI_TX = 36,
    INTERRUPT_LINES_RX = 37,
    INTERRUPTS = 128,
};

/* ---- the memory protection unit of Armv8-M (DDI0553 D1.2) ---- */

#define MPU_CTRL REGISTER(0xE000ED94)
#define MPU_RNR REGISTER(0xE000ED98)
#define MPU_RBAR REGISTER(0xE000ED9C)
#define MPU_RLAR REGISTER(0xE000EDA0)
#define MPU_MAIR0 REGISTER(0xE000EDC0)

/* An exception whose frame could not be stacked; STKOF is the stack's limit. */
#define CFSR_STACKING (1u << 4 | 1u << 5 | 1u << 12 | 1u << 13 | 1u << 20)

#endif
