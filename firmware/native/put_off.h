/*
 * put_off.h: the deep sleep that is put off. For some minutes after a start whoever manages the camera must
 * reach it, and an application that goes to sleep would keep him out. While that window is open the camera
 * starts anew in place of a sleep, without the application: the management service has it to itself
 * (update.c), and sleeps in the application's stead, in time for the wake that was asked for.
 */
#ifndef OBSCURA_PUT_OFF_H
#define OBSCURA_PUT_OFF_H

#include "port.h"

/* For so long after a start that is no wake; after a failure, the battery's sake, for less. */
#ifndef WINDOW_MS
#define WINDOW_MS 300000
#endif
#ifndef FAILURE_WINDOW_MS
#define FAILURE_WINDOW_MS 60000
#endif

/* The sleep that this start stands in for. */
struct put_off {
    uint64_t wake_us; /* of port_rtc_us; PORT_NEVER without one */
    uint32_t sources; /* enum port_wake_source; 0 when the application runs */
};

/* At each start, once. */
void put_off_start(void);

/* What this start stands in for. */
const struct put_off *put_off_sleep(void);

/* Whether this start goes on where the one before was: a wake, or a start in place of a sleep. */
bool put_off_goes_on(void);

/* Until the window closes; 0 when it is closed. */
uint64_t put_off_left_us(void);

/*
 * Until the window for pairing closes that the power-on has opened for one device; 0 when it is closed, or
 * has been taken. Resets neither close nor open it, whatever their cause.
 */
uint64_t put_off_pairing_left_us(void);

/* A device has paired in it: it is closed until the next power-on. */
void put_off_paired(void);

#endif
