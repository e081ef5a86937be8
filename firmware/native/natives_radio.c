/* natives_radio.c: the natives of a controller that has to be brought up. */
#include "runtime.h"

/* Opcode and length of a command. */
#define COMMAND_HEADER 3

static txSlot on_host_wake;
static txSlot on_ready;

void radio_start(txMachine *the) {
    root_add(the, &on_host_wake);
    root_add(the, &on_ready);
}

void radio_host_wake(txMachine *the) {
    loop_call(the, "onHostWake", &on_host_wake, NULL, NULL);
}

void radio_cts(txMachine *the) {
    loop_call(the, "onReady", &on_ready, NULL, NULL);
}

void native_radioLines(txMachine *the) {
    const char *driver = port_radio_driver();
    if (!driver)
        return;
    size_t patch_size;
    port_radio_patch(&patch_size);
    uint8_t address[6];
    bool is_assigned = port_radio_public_address(address);
    if (is_assigned)
        memcpy(native_result_bytes(the, sizeof address), address, sizeof address);
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    property = fxNextStringXProperty(the, property, (txString)driver, fxNewNameX(the, "driver"), XS_NO_FLAG);
    property = fxNextIntegerProperty(the, property, RADIO_DOWNLOAD_BAUD, fxNewNameX(the, "downloadBaud"),
                                     XS_NO_FLAG);
    property = fxNextIntegerProperty(the, property, RADIO_RUN_BAUD, fxNewNameX(the, "runBaud"), XS_NO_FLAG);
    property =
        fxNextIntegerProperty(the, property, (txInteger)patch_size, fxNewNameX(the, "patchSize"), XS_NO_FLAG);
    property =
        fxNextBooleanProperty(the, property, port_uart_suspends(), fxNewNameX(the, "suspends"), XS_NO_FLAG);
    if (is_assigned)
        fxNextSlotProperty(the, property, mxResult, fxNewNameX(the, "publicAddress"), XS_NO_FLAG);
    mxPullSlot(mxResult);
}

void native_radioPower(txMachine *the) {
    hci_supply(fxToBoolean(the, native_argument(the, 0)));
}

void native_radioWake(txMachine *the) {
    port_radio_wake(fxToBoolean(the, native_argument(the, 0)));
}

void native_radioReady(txMachine *the) {
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = port_radio_ready();
}

void native_radioWatchReady(txMachine *the) {
    root_set(&on_ready, native_function(the, 0, "listener"));
}

void native_radioBaudRate(txMachine *the) {
    mxResult->kind = XS_INTEGER_KIND;
    mxResult->value.integer = (txInteger)hci_baud_rate(native_unsigned(the, 0, "baudRate", 10000000));
}

void native_radioHostWake(txMachine *the) {
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = port_radio_host_wake();
}

void native_radioWatchHostWake(txMachine *the) {
    root_set(&on_host_wake, native_function(the, 0, "listener"));
}

void native_radioSuspend(txMachine *the) {
    bool suspend = fxToBoolean(the, native_argument(the, 0));
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = hci_suspend(suspend);
}

void native_radioPatch(txMachine *the) {
    size_t size;
    const uint8_t *patch = port_radio_patch(&size);
    uint32_t offset = native_unsigned(the, 0, "offset", (uint32_t)size);
    uint32_t length = native_unsigned(the, 1, "length", (uint32_t)(size - offset));
    uint8_t *bytes = native_result_bytes(the, length);
    memcpy(bytes, patch + offset, length);
}

void native_radioPatchU32(txMachine *the) {
    size_t size;
    const uint8_t *patch = port_radio_patch(&size);
    uint32_t offset = native_unsigned(the, 0, "offset", (uint32_t)size);
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4 && i < size - offset; i++)
        value |= (uint32_t)patch[offset + i] << 8 * i;
    mxResult->kind = XS_NUMBER_KIND;
    mxResult->value.number = value;
}

void native_radioSendPatch(txMachine *the) {
    size_t size;
    const uint8_t *patch = port_radio_patch(&size);
    uint32_t offset = native_unsigned(the, 0, "offset", (uint32_t)size);
    if (size - offset < COMMAND_HEADER || size - offset - COMMAND_HEADER < patch[offset + 2])
        mxRangeError("radioSendPatch: no whole command begins at byte %u", (unsigned)offset);
    bool sent = hci_send_command(patch + offset);
    mxResult->kind = XS_INTEGER_KIND;
    mxResult->value.integer = sent ? COMMAND_HEADER + patch[offset + 2] : 0;
}
