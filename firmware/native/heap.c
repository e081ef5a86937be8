/*
 * heap.c: where slots and chunks live, and when the heap grows.
 *
 * The floor is an arena of a size fixed by the board, so that what the linker reports is what a camera always
 * has. Beyond it the heap grows on demand into one region of HEAP_GROWTH bytes: chunks from its bottom
 * upwards, slots from its top downwards. Each stays in one piece, and either can take what the other has not
 * taken. Chunks are compacted by every collection; slots never move, so what they have taken stays theirs.
 *
 * Left to itself the engine grows only when a collection has freed nothing at all; a heap that is nearly full
 * then collects at every few slots. So collecting is switched off in the engine (XS_COLLECTING_FLAG). It asks
 * for memory whenever it has none left, and this file decides: it collects, and when less than a fifth of the
 * heap is free afterwards it grows until a third is. A collection is therefore followed by allocations in
 * proportion to what it had to look at.
 *
 * A machine that is being preloaded grows through memory of its own instead, in small steps.
 */
#include "heap.h"

#include "runtime.h"

/* Units of growth: slots, and bytes of chunks. */
#define SLOTS_STEP 256
#define CHUNKS_STEP 1024
/* Slots in a piece that is worth taking: the engine needs two of them for itself. */
#define SLOTS_LEAST 16

/* The linker script may put both where nothing is cleared at the start. */
static struct {
    txSlot slots[HEAP_SLOTS];
    txSlot stack[HEAP_STACK];
    _Alignas(8) uint8_t chunks[HEAP_CHUNKS + sizeof(txBlock)];
} arena __attribute__((section(".bss.heap_floor")));

#if HEAP_GROWTH > 0
static uint8_t growth[HEAP_GROWTH] __attribute__((aligned(16), section(".bss.heap_growth")));
#endif

static struct {
    uint8_t *low;        /* the end of what chunks have taken */
    uint8_t *high;       /* the start of what slots have taken */
    size_t size;         /* bytes of the region that may be used */
    size_t peak;         /* most bytes ever taken */
    txBlock *chunks;     /* at the region's start; NULL until chunks grow */
    bool ready;          /* the machine is complete, and may be collected */
    bool slots_asked;    /* fxGrowSlots was called by this file */
    unsigned collected;  /* how often */
    txSize slots_after;  /* in use after the last collection */
    txSize chunks_after; /* bytes after the last that compacted them; 0 when there was none */
    txSize refused;      /* bytes of the chunk that found no room; 0 when slots ran out */
} heap;

/* What is left of the region of a machine that is preloaded; NULL otherwise. */
static uint8_t *preload_next;
static uint8_t *preload_end;

/* xsMemory.c defines it; no header of the engine declares it. */
void fxGrowSlots(txMachine *the, txSize count);

void heap_start(void) {
#if HEAP_GROWTH > 0
    heap.size = port_heap_growth(HEAP_GROWTH) & ~(size_t)15;
    heap.low = growth;
    heap.high = growth + heap.size;
#endif
}

void heap_ready(txMachine *the) {
    the->collectFlag &= ~XS_COLLECTING_FLAG;
    heap.ready = true;
}

void heap_use_preload(void *start, size_t size) {
    preload_next = start;
    preload_end = preload_next + size;
}

void *heap_scratch(size_t size) {
#if HEAP_GROWTH > 0
    static size_t taken;
    size_t whole = (size + 15) & ~(size_t)15;
    if (whole <= HEAP_GROWTH - taken) {
        void *memory = growth + taken;
        taken += whole;
        return memset(memory, 0, whole);
    }
#else
    (void)size;
#endif
    failure_fatal("preload: the region of the heap's growth has %u bytes, which is not enough",
                  (unsigned)HEAP_GROWTH);
}

/* Bytes of the region that nobody has taken. */
static size_t left(void) {
    return (size_t)(heap.high - heap.low);
}

#define FLOOR (HEAP_SLOTS * sizeof(txSlot) + HEAP_CHUNKS)

size_t heap_most(void) {
    return FLOOR + heap.size;
}

void heap_figures(struct heap_figures *figures) {
    *figures = (struct heap_figures){
        .floor = FLOOR,
        .most = heap_most(),
        .growth = heap.size - left(),
        .growth_peak = heap.peak,
    };
}

void heap_refuse(txMachine *the) {
    txSize refused = heap.refused;
    /* The engine gives up on sizes beyond a txSize without asking for a chunk. */
    bool is_beyond_size = refused == 0 && the->freeHeap;
    /* It finds room for a chunk while all is consistent, for that may move every other. So whoever asked may
     * end here. */
    if (!the->firstJump || (!is_beyond_size && (size_t)refused <= heap_most()))
        return;
    heap.refused = 0;
    if (is_beyond_size)
        mxRangeError("out of memory: more than %d bytes at once", INT32_MAX);
    mxRangeError("out of memory: %d bytes at once, and the heap cannot grow beyond %u bytes", (int)refused,
                 (unsigned)heap_most());
}

/* ---- growth ---- */

static void note_peak(void) {
    if (heap.size - left() > heap.peak)
        heap.peak = heap.size - left();
}

static void collect(txMachine *the, txFlag flags) {
    the->collectFlag |= XS_COLLECTING_FLAG;
    fxCollect(the, flags);
    the->collectFlag &= ~XS_COLLECTING_FLAG;
    heap.collected++;
    heap.slots_after = the->currentHeapCount;
    if (flags & XS_COMPACT_FLAG)
        heap.chunks_after = the->currentChunksSize;
}

/*
 * How many units of `bytes` each to grow by when `used` of `size` remain after a collection; 0 when enough is
 * free. Not more than half of what is left of the region, which is for slots and chunks alike.
 */
static txSize wanted(txSize used, txSize size, txSize step, size_t bytes) {
    txSize spare = size - used;
    if (spare >= size / 5)
        return 0;
    txSize more = used / 2 - spare;
    txSize half = (txSize)(left() / 2 / bytes);
    if (more > half)
        more = half;
    return more < step ? step : more / step * step;
}

/* Bytes that chunks have taken of the region and do not need go back to it. */
static void give_back_chunks(txMachine *the) {
    if (!heap.chunks)
        return;
    txSize spare = (txSize)(heap.chunks->limit - heap.chunks->current) - the->currentChunksSize / 4;
    if (spare < CHUNKS_STEP)
        return;
    spare &= ~(txSize)15;
    heap.chunks->limit -= spare;
    heap.low -= spare;
    the->maximumChunksSize -= spare;
}

static void grow_slots(txMachine *the, txSize count) {
    if ((size_t)count * sizeof(txSlot) > left() && heap.ready) {
        collect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
        give_back_chunks(the);
    }
    if ((size_t)count * sizeof(txSlot) > left())
        count = (txSize)(left() / sizeof(txSlot));
    if (count < SLOTS_LEAST)
        return;
    heap.slots_asked = true;
    fxGrowSlots(the, count);
    heap.slots_asked = false;
}

static void grow_chunks(txMachine *the, txSize size) {
    if (!heap.chunks)
        size += sizeof(txBlock);
    if ((size_t)size > left())
        size = (txSize)left();
    size &= ~(txSize)15;
    if (size <= (txSize)sizeof(txBlock))
        return;
    if (heap.chunks) {
        heap.chunks->limit += size;
        the->maximumChunksSize += size;
    } else {
        txBlock *block = (txBlock *)heap.low;
        block->nextBlock = the->firstBlock;
        block->current = (txByte *)heap.low + sizeof(txBlock);
        block->limit = (txByte *)heap.low + size;
        block->temporary = NULL;
        the->firstBlock = heap.chunks = block;
        the->maximumChunksSize += size - (txSize)sizeof(txBlock);
    }
    heap.low += size;
    note_peak();
}

/* Both grow when a collection has left too little. */
static void settle_slots(txMachine *the) {
    txSize slots = wanted(the->currentHeapCount, the->maximumHeapCount, SLOTS_STEP, sizeof(txSlot));
    if (slots)
        grow_slots(the, slots);
}

/* After a collection that compacted them: any other leaves the chunks of what it freed where they are. */
static void settle_chunks(txMachine *the) {
    txSize chunks = wanted(the->currentChunksSize, the->maximumChunksSize, CHUNKS_STEP, 1);
    if (chunks)
        grow_chunks(the, chunks);
}

void heap_collect(txMachine *the) {
    collect(the, XS_COMPACT_FLAG);
    settle_slots(the);
    settle_chunks(the);
}

static bool used(txSize now, txSize after, txSize maximum, unsigned eighths) {
    return now - after > (maximum - after) / 8 * (txSize)eighths;
}

unsigned heap_collections(void) {
    return heap.collected;
}

bool heap_used(txMachine *the, unsigned eighths) {
    return heap.collected > 0 &&
           (used(the->currentHeapCount, heap.slots_after, the->maximumHeapCount, eighths) ||
            used(the->currentChunksSize, heap.chunks_after, the->maximumChunksSize, eighths));
}

/* ---- what the engine asks for ---- */

static void *take_preload(size_t size) {
    size_t whole = (size + 15) & ~(size_t)15;
    if ((size_t)(preload_end - preload_next) < whole)
        failure_fatal("the machine to preload does not fit into its memory");
    void *memory = preload_next;
    preload_next += whole;
    return memory;
}

/* The engine asks for the stack first, then for the heap, then whenever no slot is free. */
txSlot *fxAllocateSlots(txMachine *the, txSize count) {
    if (!the->stackBottom)
        return count == HEAP_STACK ? arena.stack : NULL;
    if (preload_next)
        return take_preload((size_t)count * sizeof(txSlot));
    if (!the->firstHeap)
        return count == HEAP_SLOTS ? arena.slots : NULL;
    if (heap.slots_asked) {
        heap.high -= (size_t)count * sizeof(txSlot);
        note_peak();
        return (txSlot *)heap.high;
    }
    if (heap.ready) {
        /* Who asks for a slot may hold the address of a chunk, so chunks stay where they are. */
        collect(the, XS_ORGANIC_FLAG);
        settle_slots(the);
    } else
        grow_slots(the, SLOTS_STEP);
    heap.refused = 0;
    /* The engine looks again when the answer is -1. */
    return the->freeHeap ? (txSlot *)-1 : NULL;
}

static txBlock *block_with_room(txMachine *the, txSize size) {
    txBlock *block = the->firstBlock;
    while (block && block->limit - block->current < size)
        block = block->nextBlock;
    return block;
}

static void put_first(txMachine *the, txBlock *block) {
    txBlock **link = &the->firstBlock;
    while (*link != block)
        link = &(*link)->nextBlock;
    *link = block->nextBlock;
    block->nextBlock = the->firstBlock;
    the->firstBlock = block;
}

/*
 * The engine asks for a block with room for one chunk. When what it gets begins where its first block ends,
 * it lengthens that block instead. So it is lent that block's own end, which stays where it was.
 */
static void *lend(txMachine *the, txSize size) {
    txSize chunk = size - (txSize)sizeof(txBlock);
    if (heap.ready) {
        collect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
        settle_slots(the);
        settle_chunks(the);
    }
    txBlock *block = block_with_room(the, chunk);
    if (!block) {
        txSize room = heap.chunks ? (txSize)(heap.chunks->limit - heap.chunks->current) : 0;
        grow_chunks(the, (chunk - room + CHUNKS_STEP - 1) / CHUNKS_STEP * CHUNKS_STEP);
        block = block_with_room(the, chunk);
    }
    heap.refused = block ? 0 : chunk;
    if (!block)
        return NULL;
    put_first(the, block);
    block->limit -= size;
    the->maximumChunksSize -= size;
    return block->limit;
}

void *fxAllocateChunks(txMachine *the, txSize size) {
    if (preload_next)
        return take_preload((size_t)size);
    if (!the->firstBlock)
        return (size_t)size <= sizeof arena.chunks ? arena.chunks : NULL;
    return lend(the, size);
}

void fxFreeChunks(txMachine *the, void *chunks) {
    (void)the, (void)chunks;
}

void fxFreeSlots(txMachine *the, void *slots) {
    (void)the, (void)slots;
}
