/*
 * memory.c: creates the machine, and answers what the engine asks of a platform. Slots, chunks and stack come
 * from heap.c; key and name tables are the engine's own mallocs.
 */
#include "engine_parts.h"
#include "heap.h"
#include "runtime.h"

/* Steps of growth of a machine that is preloaded. */
#define PRELOAD_CHUNKS 2048
#define PRELOAD_SLOTS 128

/* Buckets of the tables of names and of symbols; a machine and its clone have the same. */
#define NAME_MODULO 251
#define SYMBOL_MODULO 31

/* Names that programs make up. The table grows by malloc when there are more. */
#define KEYS_SPARE 64

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

/* For the machine of a camera. The increments are not 0, which would mean a heap that cannot grow. */
static txCreation creation(txSize keys) {
    return (txCreation){
        .initialChunkSize = HEAP_CHUNKS,
        .incrementalChunkSize = 1,
        .initialHeapCount = HEAP_SLOTS,
        .incrementalHeapCount = 1,
        .stackCount = HEAP_STACK,
        .initialKeyCount = keys,
        .incrementalKeyCount = 64,
        .nameModulo = NAME_MODULO,
        .symbolModulo = SYMBOL_MODULO,
    };
}

txMachine *memory_create_machine(unsigned names) {
    txCreation figures = creation((txSize)(XS_ID_COUNT + SYMBOLS_SPARE + KEYS_SPARE + names));
    txMachine *the = memory_create(&figures);
    heap_ready(the);
    return the;
}

txMachine *memory_create_preloaded(void *start, size_t size, unsigned names) {
    txCreation figures = creation((txSize)(XS_ID_COUNT + SYMBOLS_SPARE + KEYS_SPARE + names));
    heap_use_preload(start, size);
    figures.initialChunkSize = figures.incrementalChunkSize = PRELOAD_CHUNKS;
    figures.initialHeapCount = figures.incrementalHeapCount = PRELOAD_SLOTS;
    return memory_create(&figures);
}

txMachine *memory_clone_machine(const txMachine *root, unsigned names) {
    txCreation figures = creation((txSize)(KEYS_SPARE + names));
    txMachine *the = checked(fxCloneMachine(&figures, (txMachine *)root, "obscura", NULL));
    heap_ready(the);
    return the;
}

void fxQueuePromiseJobs(txMachine *the) {
    the->promiseJobsPending = 1;
}

txScript *fxParseScript(txMachine *the, void *stream, txGetter getter, txUnsigned flags) {
    (void)stream, (void)getter, (void)flags;
    mxSyntaxError("the camera has no compiler: eval and Function do not work on it");
    return NULL;
}
