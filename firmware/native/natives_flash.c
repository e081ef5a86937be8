/* natives_flash.c: the natives of flash areas. The board checks ranges and alignment. */
#include "runtime.h"

static enum port_flash_area_id area_of(txMachine *the) {
    const char *name = fxToString(the, native_argument(the, 0));
    if (strcmp(name, "state") != 0)
        mxTypeError("no flash area is called %s", name);
    return PORT_FLASH_STATE;
}

static void check(txMachine *the, bool done, const char *what, uint32_t offset, uint32_t length) {
    if (!done)
        mxUnknownError("flash: cannot %s %u bytes at %u", what, (unsigned)length, (unsigned)offset);
}

void native_flashGeometry(txMachine *the) {
    const struct port_flash_area *area = port_flash_area(area_of(the));
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    property = fxNextIntegerProperty(the, property, (txInteger)area->size, mxID(_size), XS_NO_FLAG);
    property = fxNextIntegerProperty(the, property, (txInteger)area->erase_unit, fxNewNameX(the, "eraseUnit"),
                                     XS_NO_FLAG);
    fxNextIntegerProperty(the, property, (txInteger)area->program_unit, fxNewNameX(the, "programUnit"),
                          XS_NO_FLAG);
    mxPullSlot(mxResult);
}

void native_flashRead(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    uint32_t size = port_flash_area(area)->size;
    uint32_t offset = native_unsigned(the, 1, "offset", size);
    uint32_t length = native_unsigned(the, 2, "length", size - offset);
    uint8_t *bytes = native_result_bytes(the, length);
    check(the, port_flash_read(area, offset, bytes, length), "read", offset, length);
}

void native_flashProgram(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    uint32_t offset = native_unsigned(the, 1, "offset", port_flash_area(area)->size);
    uint32_t length;
    const uint8_t *bytes = native_bytes(the, 2, "bytes", &length);
    check(the, port_flash_program(area, offset, bytes, length), "program", offset, length);
}

void native_flashErase(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    uint32_t size = port_flash_area(area)->size;
    uint32_t offset = native_unsigned(the, 1, "offset", size);
    uint32_t length = native_unsigned(the, 2, "length", size - offset);
    check(the, port_flash_erase(area, offset, length), "erase", offset, length);
}

void native_flashSync(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    check(the, port_flash_sync(area), "sync", 0, port_flash_area(area)->size);
}
