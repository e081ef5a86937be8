/* natives_power.c: the natives of deep sleep, of what survives it, and of the battery. */
#include "runtime.h"
#include "update.h"

void native_powerFigures(txMachine *the) {
    size_t retained;
    port_sleep_memory(&retained);
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    property = fxNextIntegerProperty(the, property, (txInteger)port_wake_sources(),
                                     fxNewNameX(the, "wakeSources"), XS_NO_FLAG);
    fxNextIntegerProperty(the, property, (txInteger)retained, fxNewNameX(the, "retainedBytes"), XS_NO_FLAG);
    mxPullSlot(mxResult);
}

void native_powerRtcNow(txMachine *the) {
    mxResult->kind = XS_NUMBER_KIND;
    mxResult->value.number = (double)port_rtc_us() / 1000;
}

void native_powerRetained(txMachine *the) {
    size_t size;
    const void *memory = port_sleep_memory(&size);
    uint8_t *bytes = native_result_bytes(the, (uint32_t)size);
    if (size)
        memcpy(bytes, memory, size);
}

void native_powerRetain(txMachine *the) {
    size_t size;
    void *memory = port_sleep_memory(&size);
    uint32_t length;
    const uint8_t *bytes = native_bytes(the, 0, "bytes", &length);
    if (length > size)
        mxRangeError("powerRetain: %u bytes; the board keeps %u", (unsigned)length, (unsigned)size);
    if (length)
        memcpy(memory, bytes, length);
}

/* Later than any camera runs, and far from overflow, as timers.c has it. */
#define WAKE_MAX_MS 1e12

void native_powerDeepSleep(txMachine *the) {
    txSlot *slot = native_argument(the, 0);
    double at_ms = fxToNumber(the, slot);
    uint32_t sources =
        native_unsigned(the, 1, "sources", PORT_WAKE_TIMER | PORT_WAKE_MOTION | PORT_WAKE_BUTTON);
    if (sources == 0 || (sources & ~port_wake_sources()))
        mxRangeError("powerDeepSleep: sources %u are not what this board has", (unsigned)sources);
    if (!(at_ms >= 0))
        mxRangeError("powerDeepSleep: the time is not above 0");
    update_sleep(at_ms < WAKE_MAX_MS ? (uint64_t)(at_ms * 1000) : PORT_NEVER, sources);
}

void native_powerBattery(txMachine *the) {
    uint32_t millivolts;
    if (!port_battery(&millivolts))
        return;
    mxResult->kind = XS_NUMBER_KIND;
    mxResult->value.number = (double)millivolts / 1000;
}
