/*
 * memory.c: the engine's memory. Slots, chunks and stack live in arenas of a size fixed by the board, so that
 * what the linker reports is what JavaScript will ever have. Key and name tables are the engine's own
 * mallocs.
 *
 * A machine that is being preloaded grows through memory of its own instead, in small steps.
 */
#include "engine_parts.h"
#include "runtime.h"

/* Steps of growth of a machine that is preloaded. */
#define PRELOAD_CHUNKS 2048
#define PRELOAD_SLOTS 128

/* Buckets of the tables of names and of symbols; a machine and its clone have the same. */
#define NAME_MODULO 251
#define SYMBOL_MODULO 31

/* Names that programs make up. The table grows by malloc when there are more. */
#define KEYS_SPARE 64

static struct {
    txSlot slots[HEAP_SLOTS];
    txSlot stack[HEAP_STACK];
    _Alignas(8) uint8_t chunks[HEAP_CHUNKS + sizeof(txBlock)];
} arena;

/* What is left of the region of a machine that is preloaded; NULL otherwise. */
static uint8_t *preload_next;
static uint8_t *preload_end;

static void *take(size_t size) {
    size_t whole = (size + 15) & ~(size_t)15;
    if ((size_t)(preload_end - preload_next) < whole)
        failure_fatal("the machine to preload does not fit into its memory");
    void *memory = preload_next;
    preload_next += whole;
    return memory;
}

void *fxAllocateChunks(txMachine *the, txSize size) {
    (void)the;
    if (preload_next)
        return take((size_t)size);
    return (size_t)size <= sizeof arena.chunks ? arena.chunks : NULL;
}

void fxFreeChunks(txMachine *the, void *chunks) {
    (void)the, (void)chunks;
}

/* The engine asks for the stack first, then for the heap. */
txSlot *fxAllocateSlots(txMachine *the, txSize count) {
    if (!the->stackBottom)
        return count == HEAP_STACK ? arena.stack : NULL;
    if (preload_next)
        return take((size_t)count * sizeof(txSlot));
    return count == HEAP_SLOTS ? arena.slots : NULL;
}

void fxFreeSlots(txMachine *the, void *slots) {
    (void)the, (void)slots;
}

char *fxCStackLimit(void) {
    /* What the engine may need beyond a check that passed, and the depth of an interrupt. */
    const char *limit = port_stack_limit();
    return limit ? (char *)limit + 4096 : NULL;
}

#ifndef __linux__
uint32_t modMilliseconds(void) {
    return (uint32_t)(port_clock_us() / 1000);
}
#endif

static txMachine *checked(txMachine *the) {
    if (!the)
        failure_fatal("the JavaScript machine does not fit into its memory");
    return the;
}

static txMachine *memory_create(txCreation *figures) {
    txMachine *the = checked(fxCreateMachine(figures, "obscura", NULL, XS_NO_ID));
    engine_parts_settle(the);
    return the;
}

/* For the machine of a camera. */
static txCreation creation(txSize keys) {
    return (txCreation){
        .initialChunkSize = HEAP_CHUNKS,
        .initialHeapCount = HEAP_SLOTS,
        .stackCount = HEAP_STACK,
        .initialKeyCount = keys,
        .incrementalKeyCount = 64,
        .nameModulo = NAME_MODULO,
        .symbolModulo = SYMBOL_MODULO,
    };
}

txMachine *memory_create_machine(unsigned names) {
    txCreation figures = creation((txSize)(XS_ID_COUNT + SYMBOLS_SPARE + KEYS_SPARE + names));
    return memory_create(&figures);
}

txMachine *memory_create_preloaded(void *start, size_t size, unsigned names) {
    txCreation figures = creation((txSize)(XS_ID_COUNT + SYMBOLS_SPARE + KEYS_SPARE + names));
    preload_next = start;
    preload_end = preload_next + size;
    figures.initialChunkSize = figures.incrementalChunkSize = PRELOAD_CHUNKS;
    figures.initialHeapCount = figures.incrementalHeapCount = PRELOAD_SLOTS;
    return memory_create(&figures);
}

txMachine *memory_clone_machine(const txMachine *root, unsigned names) {
    txCreation figures = creation((txSize)(KEYS_SPARE + names));
    return checked(fxCloneMachine(&figures, (txMachine *)root, "obscura", NULL));
}

void fxQueuePromiseJobs(txMachine *the) {
    the->promiseJobsPending = 1;
}

txScript *fxParseScript(txMachine *the, void *stream, txGetter getter, txUnsigned flags) {
    (void)stream, (void)getter, (void)flags;
    mxSyntaxError("the camera has no compiler: eval and Function do not work on it");
    return NULL;
}
