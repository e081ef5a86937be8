/*
 * A sensor for boards that have none: temperature and humidity as a fixed function of time, so that a test
 * knows every value beforehand.
 */
#ifndef OBSCURA_SYNTHETIC_SENSOR_H
#define OBSCURA_SYNTHETIC_SENSOR_H

#include "port.h"

/*
 * The reading at `now_us` after start. Temperature rises from 20 to 25 degrees Celsius and falls back within
 * 100 s; humidity goes from 40 to 60 percent and back within 160 s. False for a sensor that is neither.
 */
bool synthetic_sensor_read(enum port_sensor sensor, uint64_t now_us, double *value);

#endif
