/*
 * engine.c: the engine's symbol table as the camera has it when it loads the bundle
 * (firmware/native/symbols.h).
 */
#include "compiler.h"
#include "symbols.h"

void *fxAllocateChunks(txMachine *the, txSize size) {
    (void)the;
    return malloc((size_t)size);
}

void fxFreeChunks(txMachine *the, void *chunks) {
    (void)the;
    free(chunks);
}

txSlot *fxAllocateSlots(txMachine *the, txSize count) {
    (void)the;
    return malloc((size_t)count * sizeof(txSlot));
}

void fxFreeSlots(txMachine *the, void *slots) {
    (void)the;
    free(slots);
}

char *fxCStackLimit(void) {
    return NULL;
}

void fxAbort(txMachine *the, int status) {
    (void)the;
    fail("the compiler's own engine gave up (status %d): the module is too large", status);
}

void fxQueuePromiseJobs(txMachine *the) {
    (void)the;
}

txID fxFindModule(txMachine *the, txSlot *realm, txID module, txSlot *name) {
    (void)the, (void)realm, (void)module, (void)name;
    return XS_NO_ID;
}

void fxLoadModule(txMachine *the, txSlot *module, txID id) {
    (void)the, (void)module, (void)id;
}

void symbols_open(struct symbols *symbols, const struct bundle *base) {
    txCreation creation = {
        .initialChunkSize = 16 << 20,
        .incrementalChunkSize = 4 << 20,
        .initialHeapCount = 1 << 18,
        .incrementalHeapCount = 1 << 16,
        .stackCount = 4096,
        .initialKeyCount = 8192,
        .incrementalKeyCount = 4096,
        .nameModulo = 1993,
        .symbolModulo = 127,
        .parserBufferSize = PARSER_BUFFER_BYTES,
        .parserTableModulo = 1993,
    };
    txMachine *the = fxCreateMachine(&creation, "obscura-bytecode", NULL, XS_NO_ID);
    if (!the)
        fail("out of memory");
    fxBeginHost(the);
    symbols_add_natives(the);
    symbols->the = the;
    symbols->natives_end = the->keyIndex;

    /* Symbols proper (Symbol.iterator and so on) come first and have descriptions, not names. */
    uint64_t digest = bundle_interface_digest();
    for (txID id = XS_SYMBOL_ID_COUNT; id < the->keyIndex; id++) {
        const char *name = fxGetKeyName(the, id);
        digest = bundle_digest(digest, name, strlen(name) + 1);
    }
    if (base) {
        if (base->base_digest != digest || base->first_id != the->keyIndex)
            fail("the base bundle stands on other symbols; build the firmware again");
        if (!symbols_add_own(the, base))
            fail("the base bundle names a symbol twice");
        symbols_skip_to(the, symbols_application_start(base));
        digest = base->symbols_digest;
    }
    symbols->base_end = the->keyIndex;
    symbols->base_digest = digest;
}
