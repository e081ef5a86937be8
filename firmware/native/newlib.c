/*
 * newlib.c: what newlib asks of a system, as far as the engine reaches it; and functions of the C library
 * that a camera has in a simpler form, without time zones and without files for warnings: newlib's need 13
 * KB. Empty on Linux.
 */
#ifndef __linux__

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "port.h"

/* The engine's Date. The camera has no calendar: time counts from the start. */
int _gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    uint64_t us = port_clock_us();
    now->tv_sec = (time_t)(us / 1000000);
    now->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

/* Local time is UTC. */
struct tm *localtime(const time_t *time) {
    static struct tm local;
    return gmtime_r(time, &local);
}

/* The engine gives fields that are in their ranges, of years from 1970 to 2037. */
time_t mktime(struct tm *tm) {
    static const uint16_t days_before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int year = tm->tm_year - 70; /* 2 is a leap year, and so is each fourth from it */
    int leap_days = (year + (tm->tm_mon > 1 ? 2 : 1)) / 4;
    int days = year * 365 + leap_days + days_before_month[tm->tm_mon] + tm->tm_mday - 1;
    return (time_t)days * 86400 + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* Math.random: a xorshift generator of 32 bits. Not for keys. */
int rand(void) {
    static uint32_t state;
    if (state == 0 && (!port_random(&state, sizeof state) || state == 0))
        state = (uint32_t)port_clock_us() | 1;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (int)(state >> 1);
}

/* Shell's sort: short, and no recursion. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    uint8_t *bytes = items;
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i++) {
            for (size_t j = i; j >= gap && compare(bytes + (j - gap) * size, bytes + j * size) > 0;
                 j -= gap) {
                for (size_t k = 0; k < size; k++) {
                    uint8_t byte = bytes[j * size + k];
                    bytes[j * size + k] = bytes[(j - gap) * size + k];
                    bytes[(j - gap) * size + k] = byte;
                }
            }
        }
    }
}

/* newlib's own would print to a file. */
void __assert_func(const char *file, int line, const char *function, const char *expression);

void __assert_func(const char *file, int line, const char *function, const char *expression) {
    (void)file, (void)line, (void)function, (void)expression;
    port_panic();
}

#else

typedef int newlib_is_not_used;

#endif
