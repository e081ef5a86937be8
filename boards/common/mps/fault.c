/*
 * fault.c: what hard faults and the watchdog say. How they get here on a stack of their own is protection.c
 * of the board.
 *
 * Memory management, bus and usage faults are not enabled on their own: they all escalate to the hard fault,
 * which runs without the MPU and on a stack of its own, so that it can still speak after a stack overflow.
 */
#include "internal.h"

struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

void fault(struct exception_frame *frame) __attribute__((used));
void watchdog_fired(const struct exception_frame *frame) __attribute__((used, noreturn));

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

void watchdog_fired(const struct exception_frame *frame) {
    if (in_stack(frame))
        watchdog_interrupt(frame->pc, frame->lr);
    watchdog_interrupt(0, 0);
}
