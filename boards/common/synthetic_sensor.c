#include "synthetic_sensor.h"

/* A triangle wave from `low` to `high` and back in `period_us`. */
static double triangle(uint64_t now_us, uint64_t period_us, double low, double high) {
    uint64_t phase = now_us % period_us;
    uint64_t half = period_us / 2;
    uint64_t height = phase < half ? phase : period_us - phase;
    return low + (high - low) * (double)height / (double)half;
}

bool synthetic_sensor_read(enum port_sensor sensor, uint64_t now_us, double *value) {
    switch (sensor) {
    case PORT_SENSOR_TEMPERATURE:
        *value = triangle(now_us, 100000000, 20.0, 25.0);
        return true;
    case PORT_SENSOR_HUMIDITY:
        *value = triangle(now_us, 160000000, 40.0, 60.0);
        return true;
    }
    return false;
}
