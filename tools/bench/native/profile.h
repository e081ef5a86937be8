/*
 * profile.h: instructions by function, while a window is open. In images that are built with PROFILE the
 * engine calls profile_enter and profile_leave for each function called from JavaScript (see probes.cmake);
 * in others there is nothing of all this.
 */
#ifndef OBSCURA_BENCH_PROFILE_H
#define OBSCURA_BENCH_PROFILE_H

#include <stdint.h>

struct sxMachine;
struct sxSlot;

#ifdef PROFILE

/* The function is in its frame, three slots above the frame's own. */
void profile_enter(struct sxMachine *the, struct sxSlot *function);
void profile_leave(struct sxMachine *the, struct sxSlot *function);

/* Forgets what was counted. */
void profile_reset(void);
void profile_open(void);
void profile_close(void);

/* Around a wait, in which nothing but interrupts counts. */
void profile_pause(void);
void profile_resume(void);
/* An interrupt took so many ticks of whatever was running. */
void profile_interrupt(uint32_t ticks);

/* Console lines "bench: profile FIGURE FUNCTION CALLS INSTRUCTIONS", where FUNCTION is a number. */
void profile_report(const char *figure);
/* Console lines "bench: function FUNCTION KIND ADDRESS NAME", of every function that was ever entered. */
void profile_report_functions(void);

#else

static inline void profile_reset(void) {}
static inline void profile_open(void) {}
static inline void profile_close(void) {}
static inline void profile_pause(void) {}
static inline void profile_resume(void) {}
static inline void profile_interrupt(uint32_t ticks) {
    (void)ticks;
}
static inline void profile_report(const char *figure) {
    (void)figure;
}
static inline void profile_report_functions(void) {}

#endif

#endif
