/*
 * power_ons.h: the way to a camera whose application leaves no other. Whoever switches it on three times,
 * each time but the last for less than ten seconds, has the recovery service at the end, which runs nothing
 * of the application's. How many there were in a row is on flash, for nothing else survives the supply: in
 * the area "starts" of board.json, without which none count.
 *
 * An application that never lets go of the processor keeps a power-on that lasted from ending the row, two at
 * most. So the third one of a row recovers, and as many as can follow when the two before it were such: the
 * third switch of somebody who begins after them is the fifth. Then the row begins anew.
 */
#ifndef OBSCURA_POWER_ONS_H
#define OBSCURA_POWER_ONS_H

#include "port.h"

/* Power-ons in a row: this one and those behind it start the recovery service, */
#define POWER_ONS_MAX 3u
/* and after this one the row begins anew. */
#define POWER_ONS_LAST (2 * POWER_ONS_MAX - 1)
/* For less than so long the camera ran after one that is in a row with the next. */
#ifndef POWER_ON_MS
#define POWER_ON_MS 10000
#endif

/*
 * At each start, once, and before the application runs. How many power-ons have come in a row, when this
 * start is one that is to run the recovery service; else 0. *problem is NULL, or why power-ons cannot be
 * counted, a whole sentence.
 */
uint32_t power_ons_start(const char **problem);

/* When power_ons_due must be called, in port_clock_us; PORT_NEVER when it need not. */
uint64_t power_ons_next(void);
/* The camera has run for long enough: the next power-on is the first of a row. */
void power_ons_due(void);

/* How often power-ons have started the recovery service since the area was erased. */
uint32_t power_ons_recoveries(void);

#endif
