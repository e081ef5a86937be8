/* newlib.c: what newlib asks of a system, as far as the engine reaches it. Empty on Linux. */
#ifndef __linux__

#include <sys/time.h>

#include "port.h"

/* The engine's Date. The camera has no calendar: time counts from the start. */
int _gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    uint64_t us = port_clock_us();
    now->tv_sec = (time_t)(us / 1000000);
    now->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

#else

typedef int newlib_is_not_used;

#endif
