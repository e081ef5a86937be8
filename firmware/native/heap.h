/*
 * heap.h: the heap of the JavaScript machine, in bytes that the board gives (heap.c).
 */
#ifndef OBSCURA_HEAP_H
#define OBSCURA_HEAP_H

#include "xsAll.h"

/* Before the machine is created: asks the board how far the heap may grow. */
void heap_start(void);
/* Once it is complete: from now on it is collected when it asks for memory. */
void heap_ready(txMachine *the);

/* Slots and chunks of the machine that is created next come from start[0..size). */
void heap_use_preload(void *start, size_t size);
/*
 * Zeroed memory of the region that the heap grows into, for a program that makes a machine to preload. Never
 * given back.
 */
void *heap_scratch(size_t size);

/* How often garbage has been collected. */
unsigned heap_collections(void);
/* Collects garbage, compacts chunks, and grows the heap when too little is free. */
void heap_collect(txMachine *the);
/*
 * So many eighths of what the last collection left free are used up; false before the first, whoever asked
 * for it.
 */
bool heap_used(txMachine *the, unsigned eighths);

struct heap_figures {
    size_t floor;       /* bytes of slots and chunks that are there from the start */
    size_t most;        /* bytes that slots and chunks can have: the floor and the whole region */
    size_t growth;      /* bytes of the region that they have taken */
    size_t growth_peak; /* most bytes of it ever taken */
};

void heap_figures(struct heap_figures *figures);
/*
 * The engine has no room for what it was asked for. Throws a RangeError for more at once than the heap could
 * have, were it empty: with that a program can go on. Returns otherwise.
 */
void heap_refuse(txMachine *the);

/* struct heap_figures' `most`. */
size_t heap_most(void);

#endif
