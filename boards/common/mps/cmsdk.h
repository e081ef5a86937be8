/*
 * cmsdk.h: the devices that the MPS boards have in common, and the core's registers.
 * Sources: Arm DDI0479 (CMSDK UART, watchdog), DDI0403 (Armv7-M) and DDI0553 (Armv8-M). Where they lie, and
 * the numbers of their interrupts, is registers.h of the board.
 */
#ifndef MPS_CMSDK_H
#define MPS_CMSDK_H

#include <stdint.h>

/* ---- CMSDK APB UART ---- */

struct uart_registers {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* read: status; write ones: clear */
    volatile uint32_t baud_divider;
};

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

#define WATCHDOG_CONTROL_INTERRUPT (1u << 0)
#define WATCHDOG_CONTROL_RESET (1u << 1)
#define WATCHDOG_UNLOCK UINT32_C(0x1ACCE551)

/* ---- system control space (DDI0403 B3.2) ---- */

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define NVIC_ISER(index) REGISTER(0xE000E100 + 4 * (index))
#define SCB_AIRCR REGISTER(0xE000ED0C)
#define SCB_SCR REGISTER(0xE000ED10)
#define SCB_CCR REGISTER(0xE000ED14)
#define SCB_CFSR REGISTER(0xE000ED28)
#define SCB_HFSR REGISTER(0xE000ED2C)
#define SCB_MMFAR REGISTER(0xE000ED34)
#define SCB_BFAR REGISTER(0xE000ED38)
#define SCB_CPACR REGISTER(0xE000ED88)

#define AIRCR_SYSRESETREQ (UINT32_C(0x05FA0000) | 1u << 2)
#define SCR_SLEEPDEEP (1u << 2)
#define CCR_DIV_0_TRAP (1u << 4)
#define CPACR_FPU (0xFu << 20)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_DIVBYZERO (1u << 25)

#endif
