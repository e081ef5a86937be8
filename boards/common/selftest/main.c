/*
 * Self-test of a board: every promise of port.h that a program can check on itself. It needs nothing but the
 * board; run it before the engine. The other end of the HCI UART must send every byte back.
 *
 * It restarts itself three times (software, fault, watchdog) and goes on where it was; the stage is kept in
 * port_retained.
 *
 * On boards that have arguments, sleep=SECONDS checks nothing but one sleep of that length, for clocks that
 * wrap.
 */
#include "check.h"
#include "tests.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

enum stage { STAGE_POWER_ON, STAGE_SOFTWARE, STAGE_FAULT, STAGE_WATCHDOG };

/* Longer than a busy computer stops a board that lives in its time. */
#define WATCHDOG_PERIOD_MS 1000

static const char *argument(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, strlen(name)) == 0)
            return argv[i] + strlen(name);
    return NULL;
}

static void first_start(void) {
    test_aes_counter();
    test_clock();
    test_events();
    test_flash();
    test_identity();
    test_uart();
}

int main(int argc, char **argv) {
    port_init(argc, argv);
    uint32_t *retained = port_retained();
    const char *seconds = argument(argc, argv, "sleep=");

    if (seconds) {
        test_long_sleep((uint32_t)strtoul(seconds, NULL, 10));
        check_end();
    }
    switch ((enum stage)retained[0]) {
    case STAGE_POWER_ON:
        check(port_reset_cause() == PORT_RESET_POWER_ON, "the first start is a power-on");
        bool zeros = true;
        for (size_t i = 3; i < PORT_RETAINED_SIZE / sizeof *retained; i++)
            zeros = zeros && retained[i] == 0;
        check(zeros, "retained memory starts as zeros");
        first_start();
        retained[PORT_RETAINED_SIZE / sizeof *retained - 1] = 0x12345678;
        retained[0] = STAGE_SOFTWARE;
        port_reset();
    case STAGE_SOFTWARE:
        check(port_reset_cause() == PORT_RESET_SOFTWARE, "port_reset is remembered as a software reset");
        check(retained[PORT_RETAINED_SIZE / sizeof *retained - 1] == 0x12345678,
              "retained memory survives a software reset");
        retained[0] = STAGE_FAULT;
        port_panic();
    case STAGE_FAULT:
        check(port_reset_cause() == PORT_RESET_FAULT, "port_panic is remembered as a fault");
        port_watchdog_start(WATCHDOG_PERIOD_MS);
        test_watchdog_sleep(WATCHDOG_PERIOD_MS);
        retained[0] = STAGE_WATCHDOG;
        for (;;)
            ;
    case STAGE_WATCHDOG:
        check(port_reset_cause() == PORT_RESET_WATCHDOG, "a program that hangs is reset by the watchdog");
        check(retained[PORT_RETAINED_SIZE / sizeof *retained - 1] == 0x12345678,
              "retained memory survives fault and watchdog resets");
        check_end();
    }
    check(false, "retained memory holds what was written");
    check_end();
}
