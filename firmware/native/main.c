/*
 * main.c: from reset to the event loop. Runs the firmware module, then calls its default export with the
 * natives. When either fails there is no camera: a line with the error and its stack, and a fault reset.
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

/* The firmware's module body has run: its namespace is the argument. */
static void module_executed(txMachine *the) {
    mxPushUndefined();
    mxPushSlot(mxArgv(0));
    mxGetID(mxID(_default));
    if (!fxIsCallable(the, the->stack))
        failure_fatal("main failed: the firmware's default export is no function");
    mxCall();
    natives_push(the);
    mxRunCount(1);
    if (mxIsReference(the->stack) && mxIsPromise(the->stack->value.reference))
        await(the, main_returned);
    else
        mxPop();
}

static void module_executed_guarded(txMachine *the) {
    mxTry(the) {
        module_executed(the);
    }
    mxCatch(the) {
        console_exception(the, CONSOLE_FATAL, "main failed", &mxException);
        port_panic();
    }
}

static void run_firmware(txMachine *the) {
    fxBeginHost(the);
    {
        mxTry(the) {
            txSlot *realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
            mxPushStringX((txString)bundles_firmware_name());
            fxRunImport(the, realm, XS_NO_ID);
            await(the, module_executed_guarded);
        }
        mxCatch(the) {
            console_exception(the, CONSOLE_FATAL, "main failed", &mxException);
            port_panic();
        }
    }
    fxEndHost(the);
}

int main(int argc, char **argv) {
    port_init(argc, argv);
    failure_boot();
    port_watchdog_start(WATCHDOG_MS);
    txMachine *the = memory_create_machine(bundles_open());
    timers_start(the);
    hci_start(the);
    application_init(the);
    bundles_bind(the);
    run_firmware(the);
    loop_run(the);
}
