/*
 * main.c: from reset to the event loop. Evaluates the firmware's module, unless that was done when the image
 * was built (rom.c), and calls its default export with the natives. When either fails there is no camera: a
 * line with the error and its stack, and a fault reset.
 */
#include "runtime.h"

static void main_failed(txMachine *the) {
    console_exception(the, CONSOLE_FATAL, "main failed", mxArgv(0));
    port_panic();
}

static void main_returned(txMachine *the) {
    (void)the;
}

/* Has the promise on the stack's top, which it pops, call `fulfilled` or main_failed. */
static void await(txMachine *the, txCallback fulfilled) {
    txSlot *promise = the->stack;
    fxNewHostFunction(the, fulfilled, 1, XS_NO_ID, XS_NO_ID);
    fxNewHostFunction(the, main_failed, 1, XS_NO_ID, XS_NO_ID);
    fxPromiseThen(the, promise->value.reference, the->stack + 1, the->stack, NULL, NULL);
    the->stack = promise + 1;
}

static void failed(txMachine *the) {
    console_exception(the, CONSOLE_FATAL, "main failed", &mxException);
    port_panic();
}

/* The called `main` has left its result on the stack's top, which this pops. */
static void await_main(txMachine *the) {
    if (mxIsReference(the->stack) && mxIsPromise(the->stack->value.reference))
        await(the, main_returned);
    else
        mxPop();
}

/* The argument is the firmware's default export. */
static void call_evaluated_main(txMachine *the) {
    mxTry(the) {
        mxPushUndefined();
        mxPushSlot(mxArgv(0));
        mxCall();
        natives_push(the);
        mxRunCount(1);
        await_main(the);
    }
    mxCatch(the) {
        failed(the);
    }
}

static void call_preloaded_main(txMachine *the, const struct rom *rom) {
    fxBeginHost(the);
    {
        mxTry(the) {
            mxPushUndefined();
            mxPushReference(rom->main);
            mxCall();
            mxPushReference(rom->natives);
            mxRunCount(1);
            await_main(the);
        }
        mxCatch(the) {
            failed(the);
        }
    }
    fxEndHost(the);
}

static txCallback evaluated;

/* The argument is the namespace of the firmware's module. */
static void module_evaluated(txMachine *the) {
    mxPushSlot(mxArgv(0));
    mxGetID(mxID(_default));
    if (!fxIsCallable(the, the->stack))
        failure_fatal("main failed: the firmware's default export is no function");
    mxPullSlot(mxArgv(0));
    evaluated(the);
}

void main_import(txMachine *the, txCallback then) {
    evaluated = then;
    fxBeginHost(the);
    {
        mxTry(the) {
            txSlot *realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
            mxPushStringX((txString)bundles_firmware_name());
            fxRunImport(the, realm, XS_NO_ID);
            await(the, module_evaluated);
        }
        mxCatch(the) {
            failed(the);
        }
    }
    fxEndHost(the);
}

int main(int argc, char **argv) {
    struct rom rom;
    port_init(argc, argv);
    bool preloaded = rom_find(&rom);
    if (!preloaded && port_rom_preload())
        rom_preload();
    failure_boot();
    port_watchdog_start(WATCHDOG_MS);
    if (!preloaded && port_rom())
        console_line(CONSOLE_WARNING, "this image has no preloaded machine: evaluating the firmware");
    unsigned firmware_names = bundles_open_firmware(preloaded);
    unsigned names = bundles_open_application();
    txMachine *the =
        preloaded ? memory_clone_machine(rom.root, names) : memory_create_machine(firmware_names + names);
    timers_start(the);
    hci_start(the);
    application_init(the);
    bundles_bind_firmware(the, preloaded);
    bundles_bind_application(the);
    if (preloaded)
        call_preloaded_main(the, &rom);
    else
        main_import(the, call_evaluated_main);
    loop_run(the);
}
