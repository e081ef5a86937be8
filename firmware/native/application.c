/*
 * application.c: loads the application into a Compartment of its own, whose module map holds the modules that
 * the firmware gives and nothing else. They are made executed module records by importNow before the
 * application is imported: the engine's asynchronous import never settles when it ends its round of loading
 * on a namespace from the map. The application is the map's entry { source: name }, which the engine loads
 * through fxLoadModule (bundles.c).
 */
#include "runtime.h"

#define STARTING_US UINT64_C(60000000)

static uint64_t started_us = PORT_NEVER;
static txSlot compartment;
static txSlot module_map;

void application_init(txMachine *the) {
    root_add(the, &compartment);
    root_add(the, &module_map);
}

bool application_starting(void) {
    return started_us != PORT_NEVER && port_clock_us() - started_us < STARTING_US && !hci_data_came();
}

void application_check_import(txMachine *the, const char *name) {
    char given[120] = "";
    size_t length = 0;
    for (txSlot *entry = module_map.value.reference->next; entry; entry = entry->next) {
        const char *key = fxGetKeyName(the, entry->ID);
        if (strcmp(key, name) == 0)
            return;
        if (length < sizeof given && strcmp(key, bundles_application_name()) != 0)
            length +=
                (size_t)snprintf(given + length, sizeof given - length, "%s%s", length ? ", " : "", key);
    }
    mxReferenceError("the application imports \"%s\", which is not one of: %s", name, given);
}

static txSlot *push_object(txMachine *the) {
    mxPush(mxObjectPrototype);
    return fxLastProperty(the, fxNewObjectInstance(the));
}

/* Pushes the module map: { [specifier]: { namespace } }, and the application. */
static void push_module_map(txMachine *the, txSlot *modules) {
    txSlot *last = push_object(the);
    txSlot *key = fxNewInstance(the);
    mxBehaviorOwnKeys(the, modules->value.reference, XS_EACH_NAME_FLAG, key);
    while ((key = key->next)) {
        if (key->value.at.id == XS_NO_ID)
            mxTypeError("applicationStart: a module's name is an integer");
        txSlot *descriptor = push_object(the);
        mxPushSlot(modules);
        mxGetID(key->value.at.id);
        if (!mxIsReference(the->stack))
            mxTypeError("applicationStart: module \"%s\" is no object", fxGetKeyName(the, key->value.at.id));
        fxNextSlotProperty(the, descriptor, the->stack, fxNewNameX(the, "namespace"), XS_NO_FLAG);
        mxPop();
        last = fxNextSlotProperty(the, last, the->stack, key->value.at.id, XS_NO_FLAG);
        mxPop();
    }
    mxPop();
    txSlot *descriptor = push_object(the);
    txString name = (txString)bundles_application_name();
    fxNextStringXProperty(the, descriptor, name, mxID(_source), XS_NO_FLAG);
    fxNextSlotProperty(the, last, the->stack, fxNewNameX(the, name), XS_NO_FLAG);
    mxPop();
}

/* Pushes what compartment[method](specifier) returns. */
static void push_import(txMachine *the, txID method, const char *specifier) {
    mxPushSlot(&compartment);
    mxDub();
    mxGetID(method);
    mxCall();
    mxPushStringC((txString)specifier);
    mxRunCount(1);
}

static void create_compartment(txMachine *the, txSlot *globals) {
    mxPush(mxCompartmentConstructor);
    mxNew();
    txSlot *options = push_object(the);
    options = fxNextSlotProperty(the, options, &module_map, fxNewNameX(the, "modules"), XS_NO_FLAG);
    fxNextSlotProperty(the, options, globals, fxNewNameX(the, "globals"), XS_NO_FLAG);
    mxRunCount(1);
    root_set(&compartment, the->stack);
    /* Compartment.prototype.constructor is the firmware's own, and that one can import the firmware. */
    mxGetID(mxID(_globalThis));
    mxBehaviorDeleteProperty(the, the->stack->value.reference, mxID(_Compartment), 0);
    mxPop();
}

static void application_executed(txMachine *the) {
    (void)the;
}

void native_applicationStart(txMachine *the) {
    txSlot *modules = native_argument(the, 0);
    txSlot *globals = native_argument(the, 1);
    txSlot *on_error = native_function(the, 2, "onError");
    if (!mxIsReference(modules) || !mxIsReference(globals))
        mxTypeError("applicationStart: modules and globals are objects");
    if (bundles_application_problem())
        mxUnknownError("%s", bundles_application_problem());
    if (mxIsReference(&compartment))
        mxUnknownError("applicationStart: the application has been started");

    started_us = port_clock_us();
    push_module_map(the, modules);
    root_set(&module_map, the->stack);
    mxPop();
    create_compartment(the, globals);
    for (txSlot *entry = module_map.value.reference->next; entry; entry = entry->next) {
        if (strcmp(fxGetKeyName(the, entry->ID), bundles_application_name()) != 0) {
            push_import(the, mxID(_importNow), fxGetKeyName(the, entry->ID));
            mxPop();
        }
    }
    push_import(the, mxID(_import), bundles_application_name());
    txSlot *promise = the->stack;
    fxNewHostFunction(the, application_executed, 1, XS_NO_ID, XS_NO_ID);
    fxPromiseThen(the, promise->value.reference, the->stack, on_error, NULL, NULL);
    the->stack = promise + 1;
}
