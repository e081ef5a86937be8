/*
 * natives.c: the checks of the natives' arguments, and those natives that are a line or two.
 */
#include "heap.h"
#include "natives_absent.h"

/* ---- arguments ---- */

txSlot *native_argument(txMachine *the, int index) {
    if (mxArgc <= index)
        mxTypeError("argument %d is missing", index + 1);
    return mxArgv(index);
}

txSlot *native_function(txMachine *the, int index, const char *name) {
    txSlot *slot = native_argument(the, index);
    if (!fxIsCallable(the, slot))
        mxTypeError("%s is not a function", name);
    return slot;
}

uint32_t native_unsigned(txMachine *the, int index, const char *name, uint32_t maximum) {
    txSlot *slot = native_argument(the, index);
    double value;
    if (slot->kind == XS_INTEGER_KIND)
        value = slot->value.integer;
    else if (slot->kind == XS_NUMBER_KIND)
        value = slot->value.number;
    else
        mxTypeError("%s is not a number", name);
    if (!(value >= 0 && value <= maximum))
        mxRangeError("%s is not between 0 and %u", name, (unsigned)maximum);
    if (value != (uint32_t)value)
        mxRangeError("%s is not an integer", name);
    return (uint32_t)value;
}

uint8_t *native_bytes(txMachine *the, int index, const char *name, uint32_t *length) {
    txSlot *slot = native_argument(the, index);
    txSlot *dispatch = mxIsReference(slot) ? slot->value.reference->next : NULL;
    if (!dispatch || dispatch->kind != XS_TYPED_ARRAY_KIND || !(dispatch->flag & XS_INTERNAL_FLAG) ||
        dispatch->value.typedArray.dispatch->constructorID != _Uint8Array)
        mxTypeError("%s is not a Uint8Array", name);
    txSlot *view = dispatch->next;
    txSlot *buffer = view->next;
    txSlot *data = buffer->value.reference->next;
    if (data->kind != XS_ARRAY_BUFFER_KIND || !data->value.arrayBuffer.address)
        mxTypeError("%s is detached", name);
    *length = (uint32_t)fxGetDataViewSize(the, view, buffer);
    return (uint8_t *)data->value.arrayBuffer.address + view->value.dataView.offset;
}

/* The bytes of a DataView. */
static const uint8_t *view_bytes(txMachine *the, int index, const char *name, uint32_t *length) {
    txSlot *slot = native_argument(the, index);
    txSlot *view = mxIsReference(slot) ? slot->value.reference->next : NULL;
    if (!view || view->kind != XS_DATA_VIEW_KIND || !(view->flag & XS_INTERNAL_FLAG))
        mxTypeError("%s is not a DataView", name);
    txSlot *buffer = view->next;
    txSlot *data = buffer->value.reference->next;
    if (data->kind != XS_ARRAY_BUFFER_KIND || !data->value.arrayBuffer.address)
        mxTypeError("%s is detached", name);
    *length = (uint32_t)fxGetDataViewSize(the, view, buffer);
    return (uint8_t *)data->value.arrayBuffer.address + view->value.dataView.offset;
}

uint8_t *native_result_bytes(txMachine *the, uint32_t length) {
    mxPush(mxUint8ArrayConstructor);
    mxNew();
    mxPushInteger((txInteger)length);
    mxRunCount(1);
    mxPullSlot(mxResult);
    txSlot *view = mxResult->value.reference->next->next;
    return (uint8_t *)view->next->value.reference->next->value.arrayBuffer.address;
}

void native_absent(txMachine *the) {
    mxUnknownError("this image is without the feature that calls this");
}

/* ---- bytes ---- */

void native_copyBytes(txMachine *the) {
    uint32_t room, size;
    uint8_t *target = native_bytes(the, 0, "target", &room);
    uint32_t at = native_unsigned(the, 1, "at", room);
    const uint8_t *source = view_bytes(the, 2, "view", &size);
    uint32_t start = native_unsigned(the, 3, "start", size);
    uint32_t length = native_unsigned(the, 4, "length", size - start < room - at ? size - start : room - at);
    /* Nothing above allocates, so nothing has moved. */
    memmove(target + at, source + start, length);
}

/* ---- clock, identity, entropy ---- */

void native_clockNow(txMachine *the) {
    mxResult->kind = XS_NUMBER_KIND;
    mxResult->value.number = (double)port_clock_us() / 1000;
}

void native_random(txMachine *the) {
    uint32_t length = native_unsigned(the, 0, "length", 65536);
    uint8_t *bytes = native_result_bytes(the, length);
    if (!port_random(bytes, length))
        mxUnknownError("random: the board has no entropy fit for keys");
}

void native_uniqueId(txMachine *the) {
    port_unique_id(native_result_bytes(the, 8));
}

void native_sensorRead(txMachine *the) {
    const char *name = fxToString(the, native_argument(the, 0));
    enum port_sensor sensor;
    if (strcmp(name, "temperature") == 0)
        sensor = PORT_SENSOR_TEMPERATURE;
    else if (strcmp(name, "humidity") == 0)
        sensor = PORT_SENSOR_HUMIDITY;
    else
        mxTypeError("sensorRead: no sensor is called %s", name);
    double value;
    if (!port_sensor_read(sensor, &value))
        mxUnknownError("sensorRead: the board has no %s sensor", name);
    mxResult->kind = XS_NUMBER_KIND;
    mxResult->value.number = value;
}

/* ---- console and life ---- */

void native_consoleWrite(txMachine *the) {
    static const struct {
        const char *name;
        enum console_level level;
    } levels[] = {
        {"error", CONSOLE_ERROR},
        {"warning", CONSOLE_WARNING},
        {"info", CONSOLE_INFO},
        {"debug", CONSOLE_DEBUG},
    };
    native_argument(the, 1);
    const char *name = fxToString(the, mxArgv(0));
    size_t i = 0;
    while (i < sizeof levels / sizeof *levels && strcmp(name, levels[i].name) != 0)
        i++;
    if (i == sizeof levels / sizeof *levels)
        mxTypeError("consoleWrite: no level is called %s", name);
    console_text(levels[i].level, fxToString(the, mxArgv(1)));
}

void native_resetCause(txMachine *the) {
    static const char *const names[] = {
        [PORT_RESET_POWER_ON] = "power-on",  [PORT_RESET_SOFTWARE] = "software",
        [PORT_RESET_WATCHDOG] = "watchdog",  [PORT_RESET_FAULT] = "fault",
        [PORT_RESET_WAKE_TIMER] = "timer",   [PORT_RESET_WAKE_MOTION] = "motion",
        [PORT_RESET_WAKE_BUTTON] = "button",
    };
    mxResult->kind = XS_STRING_X_KIND;
    mxResult->value.string = (txString)names[port_reset_cause()];
}

void native_reset(txMachine *the) {
    (void)the;
    port_reset();
}

void native_controllerFailed(txMachine *the) {
    (void)the;
    failure_is_of_controller();
}

void native_exit(txMachine *the) {
    port_exit((int)native_unsigned(the, 0, "status", 255));
}

/* ---- memory ---- */

void native_collect(txMachine *the) {
    heap_collect(the);
}

void native_heap(txMachine *the) {
    struct port_stats stats = {0};
    port_stats(&stats);
    struct heap_figures heap;
    heap_figures(&heap);
    const struct {
        const char *name;
        double value;
    } figures[] = {
        {"slotsUsed", (double)the->currentHeapCount * sizeof(txSlot)},
        {"slotsPeak", (double)the->peakHeapCount * sizeof(txSlot)},
        {"slotsSize", (double)the->maximumHeapCount * sizeof(txSlot)},
        {"chunksUsed", the->currentChunksSize},
        {"chunksPeak", the->peakChunksSize},
        {"chunksSize", the->maximumChunksSize},
        {"growth", (double)heap.growth},
        {"growthPeak", (double)heap.growth_peak},
        {"floorBytes", (double)heap.floor},
        {"mostBytes", (double)heap.most},
        {"nativeStackPeak", stats.stack_peak},
    };
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        property = fxNextNumberProperty(the, property, figures[i].value,
                                        fxNewNameX(the, (txString)figures[i].name), XS_NO_FLAG);
    mxPullSlot(mxResult);
}
