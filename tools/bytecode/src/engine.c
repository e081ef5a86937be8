/*
 * engine.c: the engine's symbol table as the camera has it when it loads the bundle. Identifiers are numbers
 * given in the order in which names are first seen, so the order here is the camera's: the engine's own
 * names, the natives', the firmware's, the application's (firmware/native/symbols.c).
 */
#include "compiler.h"
#include "native_table.h"

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
#define NATIVE(NAME, COUNT) #NAME,
    static const char *const natives[] = {NATIVE_TABLE(NATIVE)};
#undef NATIVE
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
        .parserBufferSize = 64 * 1024,
        .parserTableModulo = 1993,
    };
    txMachine *the = fxCreateMachine(&creation, "obscura-bytecode", NULL, XS_NO_ID);
    if (!the)
        fail("out of memory");
    fxBeginHost(the);
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        fxNewNameX(the, (txString)natives[i]);
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
        const char *name = base->own;
        for (unsigned i = 0; i < base->own_count; i++, name += strlen(name) + 1)
            if (fxNewNameC(the, (txString)name) != base->first_id + i)
                fail("the base bundle names a symbol twice: %s", name);
        digest = base->symbols_digest;
    }
    symbols->base_end = the->keyIndex;
    symbols->base_digest = digest;
}
