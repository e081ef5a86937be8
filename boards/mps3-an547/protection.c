/*
 * protection.c: the write protection of flash by the MPU of Armv8-M, and the entry of faults, which takes a
 * stack of its own first: after an overflow there is no other. The guard of the stack is MSPLIM (vectors.c).
 */
#include "internal.h"

#define RBAR_READ_ONLY (2u << 1)
#define RBAR_READ_WRITE (0u << 1)
#define RLAR_ENABLE (1u << 0)
#define MAIR_NORMAL UINT32_C(0xFF) /* write-back, read and write allocate */
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_BACKGROUND (1u << 2)

/* Null pointers, the vectors, and the preloaded machine; all that lies below RAM. */
#define CODE_REGION 0
#define CODE_START 0u
#define CODE_LAST 0x1FFFFFFFu
/* The QSPI memory. */
#define FLASH_REGION 1
#define FLASH_START 0x38000000u
#define FLASH_LAST 0x387FFFFFu

static void region(uint32_t number, uint32_t start, uint32_t last, uint32_t access) {
    MPU_RNR = number;
    MPU_RBAR = start | access;
    MPU_RLAR = (last & ~31u) | RLAR_ENABLE;
}

void protection_init(void) {
    SCB_CCR |= CCR_DIV_0_TRAP;
    MPU_MAIR0 = MAIR_NORMAL;
    region(CODE_REGION, CODE_START, CODE_LAST, RBAR_READ_ONLY);
    region(FLASH_REGION, FLASH_START, FLASH_LAST, RBAR_READ_ONLY);
    MPU_CTRL = MPU_CTRL_ENABLE | MPU_CTRL_BACKGROUND;
    __asm__ volatile("dsb\n\tisb");
}

void protection_lift_from_flash(void) {
    region(CODE_REGION, CODE_START, CODE_LAST, RBAR_READ_WRITE);
    __asm__ volatile("dsb\n\tisb");
}

/* The stack's limit is that of the other stack: it is lifted, and set again before the return. */
__attribute__((naked)) void hard_fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "movs r1, #0\n\t"
                     "msr msplim, r1\n\t"
                     "ldr r1, =board_fault_stack_top\n\t"
                     "msr msp, r1\n\t"
                     "push {r0, lr}\n\t"
                     "bl fault\n\t"
                     "pop {r0, lr}\n\t"
                     "msr msp, r0\n\t"
                     "ldr r1, =board_stack_limit\n\t"
                     "msr msplim, r1\n\t"
                     "bx lr");
}

__attribute__((naked)) void nmi_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "movs r1, #0\n\t"
                     "msr msplim, r1\n\t"
                     "ldr r1, =board_fault_stack_top\n\t"
                     "msr msp, r1\n\t"
                     "b watchdog_fired");
}
