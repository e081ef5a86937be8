/*
 * protection.c: the guard of the stack and the write protection of flash by the MPU of Armv7-M, and the entry
 * of faults, which takes a stack of its own first: after an overflow there is no other.
 */
#include "internal.h"

/* MPU_RASR fields (DDI0403 B3.5.9). */
#define RASR_ENABLE (1u << 0)
#define RASR_SIZE(log2) (((log2)-1u) << 1)
#define RASR_NORMAL                                                                                          \
    (1u << 19 | 1u << 17) /* write-back, write-allocate would be TEX 1; plain write-back is enough */
#define RASR_READ_ONLY (6u << 24)
#define RASR_READ_WRITE (3u << 24)
#define RASR_NO_ACCESS (0u << 24)
#define RASR_EXECUTE_NEVER (1u << 28)
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_BACKGROUND (1u << 2)

#define GUARD_REGION 0
#define FLASH_REGION 1
#define FLASH_SIZE_LOG2 22

static void region(uint32_t number, uint32_t base, uint32_t attributes) {
    MPU_RNR = number;
    MPU_RBAR = base;
    MPU_RASR = attributes | RASR_ENABLE;
}

void protection_init(void) {
    uint32_t guard_log2 = 31u - (uint32_t)__builtin_clz((uint32_t)(uintptr_t)board_guard_size);

    SCB_CCR |= CCR_DIV_0_TRAP;
    region(GUARD_REGION, (uintptr_t)board_guard, RASR_SIZE(guard_log2) | RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    /* What stands for flash is RAM here; a camera would not let a stray pointer change it either. */
    region(FLASH_REGION, 0, RASR_SIZE(FLASH_SIZE_LOG2) | RASR_READ_ONLY | RASR_NORMAL);
    MPU_CTRL = MPU_CTRL_ENABLE | MPU_CTRL_BACKGROUND;
    __asm__ volatile("dsb\n\tisb");
}

void protection_lift_from_flash(void) {
    region(FLASH_REGION, 0, RASR_SIZE(FLASH_SIZE_LOG2) | RASR_READ_WRITE | RASR_NORMAL);
    __asm__ volatile("dsb\n\tisb");
}

__attribute__((naked)) void hard_fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "ldr r1, =board_fault_stack_top\n\t"
                     "msr msp, r1\n\t"
                     "push {r0, lr}\n\t"
                     "bl fault\n\t"
                     "pop {r0, lr}\n\t"
                     "msr msp, r0\n\t"
                     "bx lr");
}

__attribute__((naked)) void nmi_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "ldr r1, =board_fault_stack_top\n\t"
                     "msr msp, r1\n\t"
                     "b watchdog_fired");
}
