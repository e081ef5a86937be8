/*
 * registers.h: the devices of the Arm MPS2 with application note 500, as this board uses them.
 * Sources: Arm DAI0500 (memory map), DDI0479 (CMSDK UART, timer, watchdog), DDI0403 (Armv7-M).
 */
#ifndef MPS2_AN500_REGISTERS_H
#define MPS2_AN500_REGISTERS_H

#include <stdint.h>

#define CORE_CLOCK_HZ UINT32_C(25000000)

/* ---- CMSDK APB UART ---- */

struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* read: status; write ones: clear */
    volatile uint32_t baud_divider;
};

#define UART_CONSOLE ((struct uart_registers *)0x40004000)
#define UART_RADIO_LINES ((struct uart_registers *)0x40006000)
#define UART_HCI ((struct uart_registers *)0x40005000)

#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_STATE_RX_OVERRUN (1u << 3)

#define UART_CONTROL_TX (1u << 0)
#define UART_CONTROL_RX (1u << 1)
#define UART_CONTROL_TX_INTERRUPT (1u << 2)
#define UART_CONTROL_RX_INTERRUPT (1u << 3)

#define UART_INTERRUPT_TX (1u << 0)
#define UART_INTERRUPT_RX (1u << 1)

#define UART_BAUD_DIVIDER_MIN 16u
#define UART_BAUD_DIVIDER_MAX 0xFFFFFu

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

/* ---- CMSDK APB watchdog: the first time-out raises the NMI, the second resets ---- */

struct watchdog_registers {
    volatile uint32_t load;
    volatile uint32_t value;
    volatile uint32_t control;
    volatile uint32_t clear;
    volatile uint32_t raw_status;
    volatile uint32_t masked_status;
    uint32_t reserved[762];
    volatile uint32_t lock;
};

#define WATCHDOG ((struct watchdog_registers *)0x40008000)

#define WATCHDOG_CONTROL_INTERRUPT (1u << 0)
#define WATCHDOG_CONTROL_RESET (1u << 1)
#define WATCHDOG_UNLOCK UINT32_C(0x1ACCE551)

/* ---- interrupt numbers ---- */

enum interrupt_number {
    INTERRUPT_HCI_RX = 2,
    INTERRUPT_HCI_TX = 3,
    INTERRUPT_TIMER_CLOCK = 8,
    INTERRUPT_TIMER_ALARM = 9,
    INTERRUPTS = 32,
};

/* ---- system control space (DDI0403 B3.2) ---- */

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define NVIC_ISER0 REGISTER(0xE000E100)
#define SCB_AIRCR REGISTER(0xE000ED0C)
#define SCB_CCR REGISTER(0xE000ED14)
#define SCB_CFSR REGISTER(0xE000ED28)
#define SCB_HFSR REGISTER(0xE000ED2C)
#define SCB_MMFAR REGISTER(0xE000ED34)
#define SCB_BFAR REGISTER(0xE000ED38)
#define SCB_CPACR REGISTER(0xE000ED88)
#define MPU_CTRL REGISTER(0xE000ED94)
#define MPU_RNR REGISTER(0xE000ED98)
#define MPU_RBAR REGISTER(0xE000ED9C)
#define MPU_RASR REGISTER(0xE000EDA0)

#define AIRCR_SYSRESETREQ (UINT32_C(0x05FA0000) | 1u << 2)
#define CCR_DIV_0_TRAP (1u << 4)
#define CPACR_FPU (0xFu << 20)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_STACKING (1u << 4 | 1u << 5 | 1u << 12 | 1u << 13)
#define CFSR_DIVBYZERO (1u << 25)

#endif
