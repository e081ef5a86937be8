/*
 * update.h: where the application comes from. update.c, of the feature `update`, has slots, signatures,
 * trials and the recovery service; shipped.c, of an image without it, the one application that was put there
 * with the image.
 */
#ifndef OBSCURA_UPDATE_H
#define OBSCURA_UPDATE_H

#include "bundle.h"
#include "port.h"

/*
 * Finds the application that this start runs and fills in *application. False, with a whole sentence in
 * problem[0..size), when there is none: what runs then is the recovery service.
 */
bool update_find_application(struct bundle *application, char *problem, size_t size);

/* The application does not fit this camera otherwise: the recovery service runs instead. */
void update_cannot_run(void);

/*
 * Sleeps as port_deep_sleep does, or starts anew without the application while the camera has to stay within
 * reach (put_off.h). Never returns.
 */
void update_sleep(uint64_t wake_us, uint32_t sources) __attribute__((noreturn));

/* When the loop must call update_due, in port_clock_us; PORT_NEVER when it need not. */
uint64_t update_next(void);
void update_due(void);

#endif
