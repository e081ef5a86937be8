/* natives_object.c: the object that the firmware is given, with all natives. */
#include "natives_absent.h"

static const struct native {
    const char *name;
    txCallback callback;
    uint8_t count;
} natives[] = {
#define NATIVE(NAME, COUNT) {#NAME, native_##NAME, COUNT},
    NATIVE_TABLE(NATIVE)
#undef NATIVE
};

#define NATIVES (sizeof natives / sizeof *natives)

void natives_push(txMachine *the) {
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    for (size_t i = 0; i < NATIVES; i++)
        property = fxNextHostFunctionProperty(the, property, natives[i].callback, natives[i].count,
                                              fxNewNameX(the, (txString)natives[i].name), XS_DONT_ENUM_FLAG);
}
