/*
 * main.c: from reset to the event loop. Starts from the preloaded machine (rom.c) or, where there is none,
 * evaluates the firmware's module (evaluation.c), and calls its default export with the natives. When that
 * fails there is no camera: a line with the error and its stack, and a fault reset.
 */
#include "evaluation.h"
#include "heap.h"

void main_failed(txMachine *the, const txSlot *thrown) {
    console_exception(the, CONSOLE_FATAL, "main failed", thrown);
    port_panic();
}

static void rejected(txMachine *the) {
    main_failed(the, mxArgv(0));
}

static void returned(txMachine *the) {
    (void)the;
}

void main_await(txMachine *the, txCallback fulfilled) {
    txSlot *promise = the->stack;
    fxNewHostFunction(the, fulfilled, 1, XS_NO_ID, XS_NO_ID);
    fxNewHostFunction(the, rejected, 1, XS_NO_ID, XS_NO_ID);
    fxPromiseThen(the, promise->value.reference, the->stack + 1, the->stack, NULL, NULL);
    the->stack = promise + 1;
}

void main_call(txMachine *the, txSlot *function, txSlot *natives) {
    fxBeginHost(the);
    {
        mxTry(the) {
            mxPushUndefined();
            mxPushReference(function);
            mxCall();
            mxPushReference(natives);
            mxRunCount(1);
            if (mxIsReference(the->stack) && mxIsPromise(the->stack->value.reference))
                main_await(the, returned);
            else
                mxPop();
        }
        mxCatch(the) {
            main_failed(the, &mxException);
        }
    }
    fxEndHost(the);
}

/* How to start without a preloaded machine; NULL when this image no longer knows it. */
static const struct evaluation *find_evaluation(void) {
#ifdef EVALUATION_LEAVES
    extern const struct evaluation board_evaluation[]; /* where the linker script puts it */
    return board_evaluation->magic == EVALUATION_MAGIC ? board_evaluation : NULL;
#else
    return &evaluation;
#endif
}

int main(int argc, char **argv) {
    port_init(argc, argv);
    const struct rom_header *rom = rom_find();
    const struct evaluation *evaluation = rom ? NULL : find_evaluation();
    if (evaluation)
        evaluation->preload();
    failure_boot();
    port_watchdog_start(WATCHDOG_MS);
    if (rom && !rom_is_whole(rom))
        failure_fatal("the preloaded machine in this image is damaged; write the image to the camera again");
    if (rom)
        bundles_use_firmware(&rom->firmware, XS_NO_ID);
    else if (evaluation)
        evaluation->open();
    else
        failure_fatal("this image has no preloaded machine that belongs to it; build it again");
    heap_start();
    unsigned names = bundles_open_application();
    txMachine *the = rom ? memory_clone_machine(&rom->root, names) : evaluation->create(names);
    timers_start(the);
    hci_start(the);
    radio_start(the);
    flash_natives_start(the);
    application_init(the);
    bundles_bind_application(the);
    if (rom)
        main_call(the, rom->main, rom->natives);
    else
        evaluation->run(the);
    loop_run(the);
}
