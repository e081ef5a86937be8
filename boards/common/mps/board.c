/* board.c: start-up order, arguments, identity, application, exit. */
#include "internal.h"
#include "hex.h"
#include "synthetic_sensor.h"
#include <stdlib.h>
#include <string.h>

static uint8_t unique_id[8] = BOARD_UNIQUE_ID;

/* What `battery=` says, in millivolts; 0 without. */
static uint32_t battery_mv;

/* What `trial=` says, in milliseconds; 0 without. */
static uint32_t trial_ms;

/* What `window=` says, in milliseconds; UINT32_MAX without. */
static uint32_t window_ms = UINT32_MAX;

/* What `power-on=` says, in milliseconds; UINT32_MAX without. */
static uint32_t power_on_ms = UINT32_MAX;

/* What `growth=` leaves of the heap's growth. */
static uint32_t growth = UINT32_MAX;

void port_init(int argc, char **argv) {
    console_init();
    reset_init();
    clock_init();
    /* Until the UART is opened. */
    events_sleep_deep(true);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "seed=", 5) == 0 && !random_seed(argv[i] + 5))
            console_printf("board: seed= wants 64 hexadecimal digits; there is no entropy\n");
        if (strncmp(argv[i], "id=", 3) == 0 && !hex_parse(argv[i] + 3, unique_id, sizeof unique_id))
            console_printf("board: id= wants 16 hexadecimal digits; the default is used\n");
        if (strncmp(argv[i], "growth=", 7) == 0)
            growth = (uint32_t)strtoul(argv[i] + 7, NULL, 10);
        if (strcmp(argv[i], "radio=cyw43") == 0)
            radio_lines_init();
        if (strncmp(argv[i], "public-address=", 15) == 0 && !radio_assign(argv[i] + 15))
            console_printf("board: public-address= wants 12 hexadecimal digits; none is assigned\n");
        if (strncmp(argv[i], "battery=", 8) == 0)
            battery_mv = (uint32_t)strtoul(argv[i] + 8, NULL, 10);
        if (strncmp(argv[i], "trial=", 6) == 0)
            trial_ms = (uint32_t)strtoul(argv[i] + 6, NULL, 10);
        if (strncmp(argv[i], "window=", 7) == 0)
            window_ms = (uint32_t)strtoul(argv[i] + 7, NULL, 10);
        if (strncmp(argv[i], "power-on=", 9) == 0)
            power_on_ms = (uint32_t)strtoul(argv[i] + 9, NULL, 10);
        if (strncmp(argv[i], "cut-at=", 7) == 0)
            flash_cut_at((uint32_t)strtoul(argv[i] + 7, NULL, 10));
        if (strncmp(argv[i], "preload=", 8) == 0)
            rom_preload_into(argv[i] + 8);
    }
}

void port_unique_id(uint8_t id[8]) {
    memcpy(id, unique_id, sizeof unique_id);
}

bool port_sensor_read(enum port_sensor sensor, double *value) {
    return synthetic_sensor_read(sensor, port_clock_us(), value);
}

const void *port_application(size_t *size) {
    /* QEMU's memory starts as zeros. */
    static const uint8_t nothing[4];
    bool is_there = memcmp(board_application, nothing, sizeof nothing) != 0;
    *size = is_there ? (uintptr_t)board_application_size : 0;
    return is_there ? board_application : NULL;
}

bool port_battery(uint32_t *millivolts) {
    *millivolts = battery_mv;
    return battery_mv != 0;
}

uint32_t port_trial_ms(uint32_t default_ms) {
    return trial_ms ? trial_ms : default_ms;
}

uint32_t port_window_ms(uint32_t default_ms) {
    return window_ms != UINT32_MAX ? window_ms : default_ms;
}

uint32_t port_power_on_ms(uint32_t default_ms) {
    return power_on_ms != UINT32_MAX ? power_on_ms : default_ms;
}

uint32_t port_heap_growth(uint32_t most) {
    return growth < most ? growth : most;
}

void port_exit(int status) {
    semihosting_exit(status);
    port_reset();
}
