/*
 * board.c: the board that is your computer. Sleeping is epoll_wait, an interrupt is a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "synthetic_sensor.h"

static const void *application;
static size_t application_size;
static uint64_t start_us;
static int poll_fd, timer_fd, post_fd, flash_fd, lines_fd = -1;
static uint32_t pending; /* enum port_event; set from signal handlers too */
static uint64_t asleep_us, asleep_deep_us;
static uint32_t wakeups;
static volatile sig_atomic_t asleep, fed;

/* ---- life ---- */

const void *host_map_file(const char *option, const char *path, size_t *size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        host_fail("%s: %s: %s", option, path, strerror(errno));
    *size = (size_t)status.st_size;
    if (*size == 0)
        host_fail("%s: %s: the file is empty", option, path);
    const void *bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        host_fail("%s: %s: %s", option, path, strerror(errno));
    close(fd);
    return bytes;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        host_fail("epoll: %s", strerror(errno));
}

void port_init(int argc, char **argv) {
    start_us = host_monotonic_us();
    /* A timer of the watchdog survives exec, its handler does not. */
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    const struct host_options *options = options_read(argc, argv);
    fault_start();
    reset_start(argv);
    /* The C library's generator, which is Math.random, begins alike in each process otherwise. */
    unsigned seed;
    if (port_random(&seed, sizeof seed))
        srand(seed);
    flash_start();
    if (options->application)
        application = host_map_file("--app", options->application, &application_size);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    flash_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch(timer_fd);
    watch(post_fd);
    watch(flash_fd);
}

void port_exit(int status) {
    exit(status);
}

/* ---- time and sleep ---- */

uint64_t port_clock_us(void) {
    return host_monotonic_us() - start_us;
}

void port_alarm_set(uint64_t at_us) {
    struct itimerspec timer = {0};
    if (at_us != PORT_NEVER) {
        uint64_t absolute = start_us + at_us;
        timer.it_value.tv_sec = (time_t)(absolute / 1000000);
        timer.it_value.tv_nsec = (long)(absolute % 1000000) * 1000;
        if (absolute == 0)
            timer.it_value.tv_nsec = 1;
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void port_event_post(uint32_t events) {
    if (events == 0)
        return;
    __atomic_fetch_or(&pending, events, __ATOMIC_SEQ_CST);
    if (asleep) {
        ssize_t count = write(post_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)count;
    }
}

void host_flash_timer(uint32_t ms) {
    const struct itimerspec timer = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}};
    timerfd_settime(flash_fd, 0, &timer, NULL);
}

static void drain(int fd) {
    uint64_t count;
    ssize_t length = read(fd, &count, sizeof count);
    (void)length;
}

static void take_event(const struct epoll_event *event) {
    if (event->data.fd == timer_fd) {
        drain(timer_fd);
        port_event_post(PORT_EVENT_ALARM);
    } else if (event->data.fd == post_fd) {
        drain(post_fd);
    } else if (event->data.fd == flash_fd) {
        drain(flash_fd);
        flash_finish();
    } else if (event->data.fd == lines_fd) {
        lines_ready();
    } else {
        uart_ready(event->events & (EPOLLIN | EPOLLHUP | EPOLLERR), event->events & EPOLLOUT);
    }
}

uint32_t port_event_wait(void) {
    for (;;) {
        struct epoll_event events[4];
        /* Also when something is pending: the socket must not wait behind a chain of posts. */
        asleep = 1;
        bool is_deep = uart_is_stopped();
        bool now = __atomic_load_n(&pending, __ATOMIC_SEQ_CST) != 0;
        uint64_t before = now ? 0 : host_monotonic_us();
        int count = epoll_wait(poll_fd, events, 4, now ? 0 : -1);
        asleep = 0;
        if (!now) {
            uint64_t slept = host_monotonic_us() - before;
            asleep_us += slept;
            if (is_deep)
                asleep_deep_us += slept;
            if (count > 0)
                wakeups++;
        }
        for (int i = 0; i < count; i++)
            take_event(&events[i]);
        uint32_t taken = __atomic_exchange_n(&pending, 0, __ATOMIC_SEQ_CST);
        if (taken)
            return taken;
    }
}

void host_watch_uart(int fd, bool for_write) {
    struct epoll_event event = {.events = EPOLLIN | (for_write ? EPOLLOUT : 0u), .data.fd = fd};
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

void host_watch_lines(int fd) {
    lines_fd = fd;
    watch(fd);
}

void host_unwatch_uart(int fd) {
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, fd, NULL);
}

uint32_t port_trial_ms(uint32_t default_ms) {
    return host_options()->trial_ms ? host_options()->trial_ms : default_ms;
}

uint32_t port_window_ms(uint32_t default_ms) {
    long window_ms = host_options()->window_ms;
    return window_ms >= 0 ? (uint32_t)window_ms : default_ms;
}

uint32_t port_power_on_ms(uint32_t default_ms) {
    long power_on_ms = host_options()->power_on_ms;
    return power_on_ms >= 0 ? (uint32_t)power_on_ms : default_ms;
}

uint32_t port_heap_growth(uint32_t most) {
    long growth = host_options()->growth;
    return growth >= 0 && growth < (long)most ? (uint32_t)growth : most;
}

/* ---- identity, entropy, sensors, application ---- */

bool port_random(void *bytes, size_t length) {
    uint8_t *at = bytes;
    while (length > 0) {
        ssize_t count = getrandom(at, length, 0);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0) {
            at += count;
            length -= (size_t)count;
        }
    }
    return true;
}

void port_unique_id(uint8_t id[8]) {
    memcpy(id, host_options()->id, 8);
}

bool port_sensor_read(enum port_sensor sensor, double *value) {
    return synthetic_sensor_read(sensor, port_clock_us(), value);
}

/* A process has no fixed addresses, so it cannot have the image of a machine: it evaluates its firmware. */
const struct port_rom *port_rom(void) {
    return NULL;
}

bool port_rom_preload(void) {
    return false;
}

bool port_rom_save(size_t length) {
    (void)length;
    return false;
}

const void *port_application(size_t *size) {
    *size = application_size;
    return application;
}

/* ---- watchdog and console ---- */

/* Twice a period. A sleeping process is fed, as a board's port_event_wait feeds. */
static void watchdog_tick(int signal) {
    (void)signal;
    if (asleep || fed) {
        fed = 0;
        return;
    }
    static const char line[] = "fatal: watchdog: the firmware has not come back to its event loop\n";
    port_console_write(line, sizeof line - 1);
    host_restart(PORT_RESET_WATCHDOG);
}

void port_watchdog_start(uint32_t period_ms) {
    if (host_options()->watchdog_ms)
        period_ms = host_options()->watchdog_ms;
    fed = 1;
    struct sigaction action = {.sa_handler = watchdog_tick, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct timeval half = {period_ms / 2000, (suseconds_t)(period_ms % 2000) * 500};
    setitimer(ITIMER_REAL, &(struct itimerval){half, half}, NULL);
}

void port_watchdog_feed(void) {
    fed = 1;
}

void port_console_write(const char *text, size_t length) {
    while (length > 0) {
        ssize_t count = write(STDERR_FILENO, text, length);
        if (count < 0 && errno != EINTR)
            return;
        if (count > 0) {
            text += count;
            length -= (size_t)count;
        }
    }
}

/* ---- figures ---- */

void port_stats(struct port_stats *stats) {
    *stats =
        (struct port_stats){.asleep_us = asleep_us, .asleep_deep_us = asleep_deep_us, .wakeups = wakeups};
}

const void *port_stack_limit(void) {
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &lowest, &size);
        pthread_attr_destroy(&attributes);
    }
    /* A frame of the engine under the address sanitizer is large. */
    return lowest ? (const char *)lowest + 128 * 1024 : NULL;
}
