#include "symbols.h"

#include "native_table.h"

void symbols_add_natives(txMachine *the) {
#define NATIVE(NAME, COUNT) #NAME,
    static const char *const natives[] = {NATIVE_TABLE(NATIVE)};
#undef NATIVE
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        fxNewNameX(the, (txString)natives[i]);
}

bool symbols_add_own(txMachine *the, const struct bundle *bundle) {
    const char *name = bundle->own;
    for (unsigned i = 0; i < bundle->own_count; i++, name += strlen(name) + 1)
        if (fxNewNameX(the, (txString)name) != bundle->first_id + i)
            return false;
    return true;
}

bool symbols_skip_to(txMachine *the, txID end) {
    if (the->keyIndex > end)
        return false;
    if (the->keyCount < end)
        fxGrowKeys(the, end - the->keyCount);
    while (the->keyIndex < end)
        the->keyArray[the->keyIndex++ - the->keyOffset] = NULL;
    return true;
}

txID symbols_application_start(const struct bundle *firmware) {
    return (txID)(firmware->first_id + firmware->own_count + SYMBOLS_SPARE);
}
