#include "evaluation.h"

/* firmware_bundle.S */
extern const uint8_t obscura_firmware_bundle[];
extern const uint8_t obscura_firmware_bundle_end[];

static txCallback evaluated;

static void open_firmware(void) {
    struct bundle firmware;
    size_t size = (size_t)(obscura_firmware_bundle_end - obscura_firmware_bundle);
    const char *why = bundle_open(&firmware, obscura_firmware_bundle, size);
    if (why)
        failure_fatal("the firmware bundle %s", why);
    if (firmware.kind != BUNDLE_FIRMWARE)
        failure_fatal("the firmware bundle is an application");
    bundles_use_firmware(&firmware, XS_NO_ID);
}

void evaluation_bind(txMachine *the) {
    const struct bundle *firmware = bundles_firmware();
    symbols_add_natives(the);
    if (!symbols_add_own(the, firmware))
        failure_fatal("the firmware bundle was compiled for another engine; build the image again");
    bundles_use_firmware(firmware, fxNewNameX(the, (txString)firmware->name));
}

/* The argument is the namespace of the firmware's module. */
static void module_evaluated(txMachine *the) {
    mxPushSlot(mxArgv(0));
    mxGetID(mxID(_default));
    if (!fxIsCallable(the, the->stack))
        failure_fatal("main failed: the firmware's default export is not a function");
    mxPullSlot(mxArgv(0));
    evaluated(the);
}

void evaluation_import(txMachine *the, txCallback then) {
    evaluated = then;
    fxBeginHost(the);
    {
        mxTry(the) {
            txSlot *realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
            mxPushStringX((txString)bundles_firmware()->name);
            fxRunImport(the, realm, XS_NO_ID);
            main_await(the, module_evaluated);
        }
        mxCatch(the) {
            main_failed(the, &mxException);
        }
    }
    fxEndHost(the);
}

/* The argument is the firmware's default export. */
static void call_main(txMachine *the) {
    natives_push(the);
    main_call(the, mxArgv(0)->value.reference, the->stack->value.reference);
}

static void preload(void) {
    if (port_rom_preload())
        rom_preload();
}

static txMachine *create(unsigned names) {
    if (port_rom())
        console_line(CONSOLE_WARNING, "this image has no preloaded machine: evaluating the firmware");
    txMachine *the = memory_create_machine(bundles_firmware()->own_count + names);
    evaluation_bind(the);
    return the;
}

static void run(txMachine *the) {
    evaluation_import(the, call_main);
}

__attribute__((section(".rodata.evaluation"), used)) const struct evaluation evaluation = {
    .magic = EVALUATION_MAGIC,
    .preload = preload,
    .open = open_firmware,
    .create = create,
    .run = run,
};
