/* reset.c: restarts, and what is remembered across them in RAM that start-up leaves alone. */
#include "internal.h"
#include <string.h>

#define RETAINED_MAGIC UINT32_C(0x0B5C0A3E)
#define SLEEP_MEMORY_SIZE 1024u
/* Added to the cause, so that stray memory is no cause. */
#define CAUSE_KEY UINT32_C(0xCA05E000)

static struct {
    uint32_t magic;
    uint32_t cause; /* CAUSE_KEY + enum port_reset_cause, noted just before a reset */
    uint32_t count;
    uint64_t rtc_us; /* of port_rtc_us, at the last reset */
    uint32_t shared[PORT_RETAINED_SIZE / sizeof(uint32_t)];
    uint32_t sleep_memory[SLEEP_MEMORY_SIZE / sizeof(uint32_t)];
} retained __attribute__((section(".noinit")));

static enum port_reset_cause cause;

void reset_init(void) {
    uint32_t noted = retained.cause - CAUSE_KEY;

    /* A reset that nobody noted came from outside: the button, or the power. */
    if (retained.magic != RETAINED_MAGIC || noted < PORT_RESET_SOFTWARE || noted > PORT_RESET_WAKE_BUTTON) {
        memset(&retained, 0, sizeof retained);
        retained.magic = RETAINED_MAGIC;
        cause = PORT_RESET_POWER_ON;
    } else {
        cause = (enum port_reset_cause)noted;
    }
    retained.cause = 0;
    retained.count++;
}

uint32_t reset_count(void) {
    return retained.count;
}

enum port_reset_cause port_reset_cause(void) {
    return cause;
}

void *port_retained(void) {
    return retained.shared;
}

uint64_t port_rtc_us(void) {
    return retained.rtc_us + port_clock_us();
}

void *port_sleep_memory(size_t *size) {
    *size = sizeof retained.sleep_memory;
    return retained.sleep_memory;
}

void reset_because(enum port_reset_cause why) {
    retained.rtc_us = port_rtc_us();
    retained.cause = CAUSE_KEY + why;
    console_finish();
    __asm__ volatile("dsb" : : : "memory");
    SCB_AIRCR = AIRCR_SYSRESETREQ;
    for (;;)
        ;
}

void port_reset(void) {
    reset_because(PORT_RESET_SOFTWARE);
}

void port_panic(void) {
    reset_because(PORT_RESET_FAULT);
}
