/*
 * fault.c: the host's hard faults. A signal that a defect raises says what and where on the console and
 * resets with cause "fault", as a fault handler of a microcontroller does. Under the address sanitizer its
 * own report is worth more, and the process ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "board.h"

#if defined(__SANITIZE_ADDRESS__)

void fault_start(void) {}

#else

/* The engine guards against running out of C stack, our own C does not: the handler has a stack of its own.
 */
static char stack[32 * 1024];

static const char *name_of(int signal) {
    switch (signal) {
    case SIGSEGV:
        return "invalid memory access";
    case SIGBUS:
        return "bus error";
    case SIGILL:
        return "invalid instruction";
    case SIGFPE:
        return "arithmetic error";
    default:
        return "abort";
    }
}

static uintptr_t program_counter(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

static void handle(int signal, siginfo_t *info, void *context) {
    char line[128];
    int length = snprintf(line, sizeof line, "fatal: %s at %p, pc %#lx\n", name_of(signal), info->si_addr,
                          (unsigned long)program_counter(context));
    port_console_write(line, (size_t)length);
    port_panic();
}

void fault_start(void) {
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

#endif
