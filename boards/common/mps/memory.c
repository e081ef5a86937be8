/* memory.c: the C stack with its high-water mark, malloc's region, and what newlib wants to link. */
#include "internal.h"
#include <errno.h>
#include <sys/stat.h>

#define PAINT UINT32_C(0x5AFE57AC)
/* Bytes below the stack pointer that memory_init leaves alone: its own frame. */
#define PAINT_MARGIN 64

static uint8_t *heap_break;
static uint8_t *heap_highest;

void memory_init(void) {
    uint32_t *end;
    __asm__ volatile("mov %0, sp" : "=r"(end));
    end -= PAINT_MARGIN / sizeof *end;
    for (uint32_t *at = (uint32_t *)board_stack_limit; at < end; at++)
        *at = PAINT;
    heap_break = heap_highest = board_heap_start;
}

const void *port_stack_limit(void) {
    return board_stack_limit;
}

static uint32_t stack_peak(void) {
    const uint32_t *at = (const uint32_t *)board_stack_limit;
    while (at < (const uint32_t *)board_stack_top && *at == PAINT)
        at++;
    return (uint32_t)((uintptr_t)board_stack_top - (uintptr_t)at);
}

void memory_stats(struct port_stats *stats) {
    stats->ram_static = (uint32_t)(board_heap_start - board_ram_start);
    stats->heap_peak = (uint32_t)(heap_highest - board_heap_start);
    stats->stack_size = (uint32_t)(uintptr_t)board_stack_size;
    stats->stack_peak = stack_peak();
}

/* ---- newlib's system calls ---- */

void *_sbrk(ptrdiff_t increment);
int _write(int file, const char *bytes, int length);
int _read(int file, char *bytes, int length);
int _close(int file);
int _lseek(int file, int offset, int whence);
int _fstat(int file, struct stat *status);
int _isatty(int file);
int _kill(int process, int signal);
int _getpid(void);
void _exit(int status) __attribute__((noreturn));

void *_sbrk(ptrdiff_t increment) {
    uint8_t *before = heap_break;

    if (increment > board_heap_end - heap_break || increment < board_heap_start - heap_break) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap_break += increment;
    if (heap_break > heap_highest)
        heap_highest = heap_break;
    return before;
}

/* Standard output and error are the console. */
int _write(int file, const char *bytes, int length) {
    (void)file;
    port_console_write(bytes, (size_t)length);
    return length;
}

int _read(int file, char *bytes, int length) {
    (void)file, (void)bytes, (void)length;
    return 0;
}

int _close(int file) {
    (void)file;
    errno = EBADF;
    return -1;
}

int _lseek(int file, int offset, int whence) {
    (void)file, (void)offset, (void)whence;
    errno = ESPIPE;
    return -1;
}

int _fstat(int file, struct stat *status) {
    (void)file;
    status->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int file) {
    (void)file;
    return 1;
}

int _getpid(void) {
    return 1;
}

/* abort() raises a signal, which ends here. */
int _kill(int process, int signal) {
    (void)process;
    console_printf("fault: signal %u raised (6 is abort)\n", (unsigned)signal);
    port_panic();
}

void _exit(int status) {
    port_exit(status);
}
