/*
 * startup.c: from the reset vector to main. Runs before .data and .bss are set up, so nothing here relies on
 * them before their lines.
 */
#include "internal.h"
#include <string.h>

#define ARGUMENTS_MAX 8

int main(int argc, char **argv);
void startup(void) __attribute__((noreturn, used));

static char command_line[256];

static int split_arguments(char *line, char **arguments) {
    int count = 0;
    for (char *at = strtok(line, " "); at && count < ARGUMENTS_MAX - 1; at = strtok(NULL, " "))
        arguments[count++] = at;
    arguments[count] = NULL;
    return count;
}

void startup(void) {
    static char *arguments[ARGUMENTS_MAX];

    SCB_CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n\tisb");
    memcpy(board_data_start, board_data_load, (size_t)(board_data_end - board_data_start));
    memset(board_bss_start, 0, (size_t)(board_bss_end - board_bss_start));
    memory_init();
    protection_init();
    semihosting_init();
    if (!semihosting_command_line(command_line, sizeof command_line))
        strcpy(command_line, "obscura");
    port_exit(main(split_arguments(command_line, arguments), arguments));
}

void unexpected_interrupt(void) {
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    console_printf("fault: unexpected exception %u\n", (unsigned)number);
    port_panic();
}
