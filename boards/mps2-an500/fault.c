/*
 * fault.c: hard faults, the stack guard, and the write protection of flash.
 *
 * Memory management, bus and usage faults are not enabled on their own: they all escalate to the hard fault,
 * which runs without the MPU and on a stack of its own, so that it can still speak after a stack overflow.
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

struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

void fault(struct exception_frame *frame) __attribute__((used));
void watchdog_fired(const struct exception_frame *frame) __attribute__((used, noreturn));
void hard_fault_handler(void);
void nmi_handler(void);

static void region(uint32_t number, uint32_t base, uint32_t attributes) {
    MPU_RNR = number;
    MPU_RBAR = base;
    MPU_RASR = attributes | RASR_ENABLE;
}

void fault_init(void) {
    uint32_t guard_log2 = 31u - (uint32_t)__builtin_clz((uint32_t)(uintptr_t)board_guard_size);

    SCB_CCR |= CCR_DIV_0_TRAP;
    region(GUARD_REGION, (uintptr_t)board_guard, RASR_SIZE(guard_log2) | RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    /* What stands for flash is RAM here; a camera would not let a stray pointer change it either. */
    region(FLASH_REGION, 0, RASR_SIZE(FLASH_SIZE_LOG2) | RASR_READ_ONLY | RASR_NORMAL);
    MPU_CTRL = MPU_CTRL_ENABLE | MPU_CTRL_BACKGROUND;
    __asm__ volatile("dsb\n\tisb");
}

void fault_unprotect_flash(void) {
    region(FLASH_REGION, 0, RASR_SIZE(FLASH_SIZE_LOG2) | RASR_READ_WRITE | RASR_NORMAL);
    __asm__ volatile("dsb\n\tisb");
}

static const char *name(uint32_t status, bool overflow) {
    if (overflow)
        return "stack overflow";
    if (status & CFSR_DIVBYZERO)
        return "division by zero";
    if (status & CFSR_UNDEFINSTR)
        return "undefined instruction";
    if (status & 0xFF)
        return "memory protection";
    if (status & 0xFF00)
        return "bus error";
    if (status & 0xFFFF0000)
        return "usage fault";
    return "hard fault";
}

static bool in_stack(const struct exception_frame *frame) {
    return (uintptr_t)frame >= (uintptr_t)board_stack_limit &&
           (uintptr_t)(frame + 1) <= (uintptr_t)board_stack_top;
}

void fault(struct exception_frame *frame) {
    uint32_t status = SCB_CFSR, address = 0;
    bool overflow = !in_stack(frame) || (status & CFSR_STACKING);

    if (!overflow && frame->pc == (uintptr_t)semihosting_breakpoint) {
        frame->pc += 2;
        frame->r0 = UINT32_MAX;
        SCB_HFSR = SCB_HFSR;
        return;
    }
    if (status & CFSR_MMARVALID)
        address = SCB_MMFAR;
    else if (status & CFSR_BFARVALID)
        address = SCB_BFAR;
    if ((status & CFSR_MMARVALID) && address - (uintptr_t)board_guard < (uintptr_t)board_guard_size)
        overflow = true;
    console_printf("fault: %s, cfsr=%08x address=%08x", name(status, overflow), (unsigned)status,
                   (unsigned)address);
    /* A frame that could not be stacked holds no registers. */
    if (in_stack(frame) && !(status & CFSR_STACKING))
        console_printf(" pc=%08x lr=%08x", (unsigned)frame->pc, (unsigned)frame->lr);
    console_printf("\n");
    port_panic();
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

void watchdog_fired(const struct exception_frame *frame) {
    if (in_stack(frame))
        watchdog_interrupt(frame->pc, frame->lr);
    watchdog_interrupt(0, 0);
}

__attribute__((naked)) void nmi_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "ldr r1, =board_fault_stack_top\n\t"
                     "msr msp, r1\n\t"
                     "b watchdog_fired");
}
