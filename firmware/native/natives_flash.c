/*
 * natives_flash.c: the natives of flash areas. The board checks ranges and alignment.
 *
 * An operation in the background has its bytes copied, because those of an array move with the next
 * allocation, and calls back from the event loop with whether it worked.
 */
#include "runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool busy;
    void *bytes;
    txSlot callback;
} background;

void flash_natives_start(txMachine *the) {
    root_add(the, &background.callback);
}

static enum port_flash_area_id area_of(txMachine *the) {
    const char *name = fxToString(the, native_argument(the, 0));
    char names[120] = "";
    for (unsigned i = 0; i < PORT_FLASH_AREAS; i++) {
        const char *known = port_flash_area((enum port_flash_area_id)i)->name;
        if (strcmp(name, known) == 0)
            return (enum port_flash_area_id)i;
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i > 0 ? ", " : "", known);
    }
    mxTypeError("no flash area is called %s; this board has %s", name, names);
    return PORT_FLASH_AREAS;
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

/* ---- in the background ---- */

/* Keeps what the operation needs; the caller then begins it. */
static void claim(txMachine *the, const txSlot *callback) {
    if (background.busy)
        mxUnknownError("flash: an operation is under way");
    root_set(&background.callback, callback);
    background.busy = true;
}

static void release(void) {
    background.busy = false;
    free(background.bytes);
    background.bytes = NULL;
    root_clear(&background.callback);
}

void native_flashBeginProgram(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    uint32_t offset = native_unsigned(the, 1, "offset", port_flash_area(area)->size);
    txSlot *callback = native_function(the, 3, "done");
    uint32_t length;
    const uint8_t *bytes = native_bytes(the, 2, "bytes", &length);
    claim(the, callback);
    background.bytes = malloc(length ? length : 1);
    bool begun = background.bytes != NULL;
    if (begun) {
        memcpy(background.bytes, bytes, length);
        begun = port_flash_begin_program(area, offset, background.bytes, length);
    }
    if (!begun)
        release();
    check(the, begun, "program", offset, length);
}

void native_flashBeginErase(txMachine *the) {
    enum port_flash_area_id area = area_of(the);
    uint32_t size = port_flash_area(area)->size;
    uint32_t offset = native_unsigned(the, 1, "offset", size);
    uint32_t length = native_unsigned(the, 2, "length", size - offset);
    claim(the, native_function(the, 3, "done"));
    bool begun = port_flash_begin_erase(area, offset, length);
    if (!begun)
        release();
    check(the, begun, "erase", offset, length);
}

static int push_outcome(txMachine *the, const void *data) {
    mxPushBoolean(*(const bool *)data);
    return 1;
}

void flash_natives_end(txMachine *the) {
    enum port_flash_outcome outcome = port_flash_outcome();
    if (!background.busy || outcome == PORT_FLASH_BUSY)
        return;
    /* loop_call pushes it before anything else; the callback may begin the next operation. */
    txSlot callback = background.callback;
    release();
    bool done = outcome == PORT_FLASH_DONE;
    loop_call(the, "flash", &callback, push_outcome, &done);
}
