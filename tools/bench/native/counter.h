/*
 * counter.h: counts the instructions of this board. A figure is made of windows: between counter_open and
 * counter_close instructions count, elsewhere they do not.
 */
#ifndef OBSCURA_BENCH_COUNTER_H
#define OBSCURA_BENCH_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* Forgets what was counted. With `everything` the handling of received bytes and what ran before a sleep
 * counts as well, and time asleep never does. */
void counter_reset(bool everything);

void counter_open(void);
void counter_close(void);

/* Around a collection of garbage, which is counted by itself, in a window or not. */
void counter_collection_begin(const char *figure);
void counter_collection_end(const char *figure);

/* A console line with what was counted since counter_reset: "bench: FIGURE windows N instructions N
 * collections N", where instructions and those of collections are 0 when the tool around the process knows
 * them. */
void counter_report(const char *figure, unsigned windows);

/* Runs all the time; 0 when unknown. */
uint32_t counter_ticks(void);
/* Instructions of so many ticks. */
#ifdef COUNTER_MPS3
#define COUNTER_INSTRUCTIONS(ticks) ((uint64_t)(ticks)*125 / 4)
#else
#define COUNTER_INSTRUCTIONS(ticks) ((uint64_t)(ticks)*40)
#endif

/* Instructions awake since the processor left reset; 0 when unknown. */
uint32_t counter_since_reset(void);

#endif
