/*
 * memory.c: the engine's memory. Slots, chunks and stack live in arenas of a size fixed by the board, so that
 * what the linker reports is what JavaScript will ever have. Key and name tables are the engine's own
 * mallocs.
 */
#include "runtime.h"

static struct {
    txSlot slots[HEAP_SLOTS];
    txSlot stack[HEAP_STACK];
    _Alignas(8) uint8_t chunks[HEAP_CHUNKS + sizeof(txBlock)];
} arena;

void *fxAllocateChunks(txMachine *the, txSize size) {
    (void)the;
    return (size_t)size <= sizeof arena.chunks ? arena.chunks : NULL;
}

void fxFreeChunks(txMachine *the, void *chunks) {
    (void)the, (void)chunks;
}

/* The engine asks for the stack first, then for the heap. */
txSlot *fxAllocateSlots(txMachine *the, txSize count) {
    if (!the->stackBottom)
        return count == HEAP_STACK ? arena.stack : NULL;
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

txMachine *memory_create_machine(unsigned names) {
    txCreation creation = {
        .initialChunkSize = HEAP_CHUNKS,
        .initialHeapCount = HEAP_SLOTS,
        .stackCount = HEAP_STACK,
        /* Room for the engine's names and the bundles', and for some that programs make up. */
        .initialKeyCount = (txSize)(XS_ID_COUNT + 128 + names),
        .incrementalKeyCount = 64,
        .nameModulo = 509,
        .symbolModulo = 31,
    };
    txMachine *the = fxCreateMachine(&creation, "obscura", NULL, XS_NO_ID);
    if (!the)
        failure_fatal("the JavaScript machine does not fit into its memory");
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
