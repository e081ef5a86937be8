/*
 * board.h: what the files of the host board know of each other. The board is a Linux process: its UART is a
 * socket, its flash a file, its reset an exec of itself.
 */
#ifndef OBSCURA_HOST_BOARD_H
#define OBSCURA_HOST_BOARD_H

#include "port.h"

struct host_options {
    const char *hci;         /* tcp:HOST:PORT or unix:PATH; NULL when there is no UART */
    const char *radio_lines; /* as hci: lines of a modelled controller; NULL for one that is always on */
    const char *radio_patch; /* file with its patch; NULL for none */
    const char *state;       /* file of the flash; NULL for one that is forgotten at the end */
    const char *application; /* NULL when there is none */
    uint8_t id[8];
    uint8_t public_address[6];
    bool has_public_address;
    uint32_t watchdog_ms; /* 0: what the firmware asks for */
    long resets_max;      /* -1: any number */
    uint32_t battery_mv;  /* 0: no battery */
    long growth;          /* bytes that the heap may grow by; -1: the board's */
    uint32_t cut_at;      /* the operation of flash at which the supply goes; 0: it does not */
    long window_ms;       /* for how long deep sleep is put off; below 0: as long as the firmware says */
    long power_on_ms;     /* below which power-ons are in a row; below 0: the firmware's own */
    uint32_t trial_ms;    /* how long the trial of a new bundle waits; 0: the firmware's own */
    uint32_t flash_ms;    /* how long an operation of flash in the background takes */
};

/* Reads the command line. Ends the process on --help (0) and on what it does not understand (2). */
const struct host_options *options_read(int argc, char **argv);
const struct host_options *host_options(void);

/* One line on standard error and exit status 1: the board cannot start. */
void host_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The file's descriptor is waited for together with the clock. -1 for none. */
void host_watch_uart(int descriptor, bool for_write);
void host_unwatch_uart(int descriptor);
/* The same for the lines of a modelled controller, once and for good; lines_ready is called when bytes came.
 */
void host_watch_lines(int descriptor);
void lines_ready(void);

/* epoll says that the socket is readable or writable. */
void uart_ready(bool readable, bool writable);

/* Closed, or suspended. */
bool uart_is_stopped(void);

/* A stream socket to tcp:HOST:PORT or unix:PATH; -1 with *why set. */
int host_connect(const char *target, const char **why);

/* A file, readable in place. Ends the process when it cannot be, with the option's name. */
const void *host_map_file(const char *option, const char *path, size_t *size);

/* Microseconds by the computer's clock. */
/* Counts an operation of flash: its number since the process began, resets included. */
uint32_t host_count_flash_operation(void);

uint64_t host_monotonic_us(void);

/* Starts the program again with this cause. From signal handlers too. */
void host_restart(enum port_reset_cause next);

/* Finds what an earlier start left. */
void reset_start(char **argv);

void flash_start(void);
/* Ends the operation in the background, if there is one. */
void flash_finish(void);
/* Calls flash_finish after so many milliseconds; 0 for never. */
void host_flash_timer(uint32_t ms);

void fault_start(void);

#endif
