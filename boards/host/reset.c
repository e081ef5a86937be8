/*
 * reset.c: restarts and deep sleep. A reset is an exec of the same program with the RAM handed over that
 * survives one; deep sleep waits for a time or a signal, and resets.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

#define INHERITED "OBSCURA_RETAINED_FD"

#define SLEEP_MEMORY_SIZE 1024

/* The RAM that survives a reset: the contract's bytes first, then the board's own. */
struct retained {
    uint8_t shared[PORT_RETAINED_SIZE];
    uint32_t cause;
    uint32_t resets;
    uint64_t supplied_us;      /* when the process began, by the computer's clock */
    uint32_t flash_operations; /* programmed or erased since then */
    uint8_t sleep_memory[SLEEP_MEMORY_SIZE];
};

static struct retained *retained;
static enum port_reset_cause cause;
static char **arguments;

uint64_t host_monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint32_t host_count_flash_operation(void) {
    return ++retained->flash_operations;
}

static void retain(void) {
    const char *inherited = getenv(INHERITED);
    int fd = inherited ? atoi(inherited) : memfd_create("obscura-retained", 0);
    if (!inherited) {
        char text[16];
        snprintf(text, sizeof text, "%d", fd);
        if (fd < 0 || ftruncate(fd, sizeof *retained) != 0 || setenv(INHERITED, text, 1) != 0)
            host_fail("retained RAM: %s", strerror(errno));
    }
    retained = mmap(NULL, sizeof *retained, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (retained == MAP_FAILED)
        host_fail("retained RAM: %s", strerror(errno));
    cause = (enum port_reset_cause)retained->cause;
    if (!inherited)
        retained->supplied_us = host_monotonic_us();
}

/* Motion is SIGUSR2 and the button SIGUSR1. They are always blocked, so that none is lost before a sleep. */
static void wake_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGUSR2);
}

void reset_start(char **argv) {
    arguments = argv;
    sigset_t sources;
    wake_signals(&sources);
    sigprocmask(SIG_BLOCK, &sources, NULL);
    retain();
}

enum port_reset_cause port_reset_cause(void) {
    return cause;
}

/* Called from signal handlers: only what POSIX allows there. */
void host_restart(enum port_reset_cause next) {
    const struct host_options *options = host_options();
    if (options->resets_max >= 0 && retained->resets >= (uint32_t)options->resets_max) {
        static const char line[] = "firmware: --max-resets is reached\n";
        port_console_write(line, sizeof line - 1);
        _exit(3);
    }
    /* The watchdog's timer survives exec, and its handler does not: it would end the new program before that
     * has taken it back. */
    alarm(0);
    retained->resets++;
    retained->cause = next;
    sigset_t blocked;
    wake_signals(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    execv("/proc/self/exe", arguments);
    static const char line[] = "firmware: cannot restart itself\n";
    port_console_write(line, sizeof line - 1);
    _exit(1);
}

void port_reset(void) {
    host_restart(PORT_RESET_SOFTWARE);
    __builtin_unreachable();
}

void port_panic(void) {
    host_restart(PORT_RESET_FAULT);
    __builtin_unreachable();
}

void *port_retained(void) {
    return retained->shared;
}

/* ---- deep sleep and battery ---- */

uint32_t port_wake_sources(void) {
    return PORT_WAKE_TIMER | PORT_WAKE_MOTION | PORT_WAKE_BUTTON;
}

uint64_t port_rtc_us(void) {
    return host_monotonic_us() - retained->supplied_us;
}

void *port_sleep_memory(size_t *size) {
    *size = sizeof retained->sleep_memory;
    return retained->sleep_memory;
}

bool port_battery(uint32_t *millivolts) {
    *millivolts = host_options()->battery_mv;
    return *millivolts != 0;
}

/* What came beside the wake and is no source of it is taken here: it would wake the next sleep. */
static void wake(enum port_reset_cause by, uint32_t sources) {
    sigset_t others;
    sigemptyset(&others);
    if (!(sources & PORT_WAKE_BUTTON))
        sigaddset(&others, SIGUSR1);
    if (!(sources & PORT_WAKE_MOTION))
        sigaddset(&others, SIGUSR2);
    while (sigtimedwait(&others, NULL, &(struct timespec){0}) > 0)
        ;
    host_restart(by);
}

void port_deep_sleep(uint64_t at_us, uint32_t sources) {
    sigset_t set;
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    wake_signals(&set);
    for (;;) {
        uint64_t now = port_rtc_us();
        bool is_due = (sources & PORT_WAKE_TIMER) && now >= at_us;
        if (is_due)
            wake(PORT_RESET_WAKE_TIMER, sources);
        /* In pieces: a time that is far away fits into no timespec of 32 bits. */
        uint64_t left = (sources & PORT_WAKE_TIMER) && at_us - now < 3600000000u ? at_us - now : 3600000000u;
        struct timespec limit = {(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
        int signal = sigtimedwait(&set, NULL, &limit);
        if (signal == SIGUSR1 && (sources & PORT_WAKE_BUTTON))
            wake(PORT_RESET_WAKE_BUTTON, sources);
        if (signal == SIGUSR2 && (sources & PORT_WAKE_MOTION))
            wake(PORT_RESET_WAKE_MOTION, sources);
    }
}
