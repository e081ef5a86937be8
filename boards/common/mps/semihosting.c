/* semihosting.c: calls to whoever runs this program (Arm semihosting 2.0; QEMU with -semihosting-config). */
#include "internal.h"
#include <string.h>

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITE 0x05
#define SYS_ERRNO 0x13
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT_EXTENDED 0x20
#define OPEN_WRITE_BINARY 5
#define ADP_STOPPED_APPLICATION_EXIT 0x20026

static bool present;

/* The fault handler knows the break point by its name, and steps over it with r0 = -1 when nobody takes it.
 */
__attribute__((naked, noinline)) static int32_t call(uint32_t operation, void *arguments) {
    (void)operation, (void)arguments;
    __asm__ volatile(".global semihosting_breakpoint\n"
                     "semihosting_breakpoint:\n\t"
                     "bkpt 0xab\n\t"
                     "bx lr");
}

void semihosting_init(void) {
    present = call(SYS_ERRNO, NULL) != -1;
}

bool semihosting_command_line(char *line, uint32_t size) {
    struct {
        char *buffer;
        uint32_t length;
    } request = {line, size};
    return present && call(SYS_GET_CMDLINE, &request) == 0 && request.length > 0;
}

bool semihosting_write_file(const char *name, const void *bytes, uint32_t length) {
    struct {
        const char *name;
        uint32_t mode, name_length;
    } open = {name, OPEN_WRITE_BINARY, (uint32_t)strlen(name)};
    int32_t file = present ? call(SYS_OPEN, &open) : -1;
    if (file == -1)
        return false;
    struct {
        int32_t file;
        const void *bytes;
        uint32_t length;
    } write = {file, bytes, length};
    int32_t left = call(SYS_WRITE, &write);
    return call(SYS_CLOSE, &file) == 0 && left == 0;
}

void semihosting_exit(int status) {
    uint32_t arguments[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)status};
    if (present)
        call(SYS_EXIT_EXTENDED, arguments);
}
