/*
 * bundles.c: the two bundles and the engine's doors to them. Symbols are given identifiers in the order that
 * the bytecode compiler assumed (symbols.h); both bundles' are, before any JavaScript runs, because a running
 * program adds names of its own.
 */
#include "bytecode.h"
#include "heap.h"
#include "runtime.h"
#include "update.h"

static struct bundle firmware;
static struct bundle application;
static txID firmware_id;
static txID application_id;
static char problem[200];

static void set_problem(const char *format, const char *detail) {
    snprintf(problem, sizeof problem, format, detail);
}

void bundles_use_firmware(const struct bundle *bundle, txID id) {
    firmware = *bundle;
    firmware_id = id;
}

const struct bundle *bundles_firmware(void) {
    return &firmware;
}

/* Why the application that was found cannot run here: a whole sentence in `problem`, or nothing. */
static void check_application(void) {
    if (application.kind != BUNDLE_APPLICATION)
        set_problem("the application %s", "is a firmware");
    else if (strcmp(application.name, firmware.name) == 0)
        set_problem("the application %s", "has the firmware's name; compile it with another --name");
    else if (application.heap_kb > (heap_most() + 1023) / 1024)
        snprintf(problem, sizeof problem,
                 "the application asks for %u KB of heap (obscura.heap in its package.json), and this board "
                 "has %u KB",
                 (unsigned)application.heap_kb, (unsigned)(heap_most() / 1024));
    if (problem[0])
        update_cannot_run();
}

unsigned bundles_open_application(void) {
    if (update_find_application(&application, problem, sizeof problem))
        check_application();
    return problem[0] ? 0 : application.own_count;
}

/* The application was compiled for other symbols: fits a copy of its code in RAM to those of this firmware.
 */
static void remap_application(txMachine *the) {
    uint32_t count = (uint32_t)application.first_id + application.own_count;
    uint16_t *map = calloc(count ? count : 1, sizeof *map);
    uint8_t *code = malloc(application.code_size);
    if (!map || !code) {
        free(map);
        free(code);
        set_problem("the application was compiled for another firmware, and there is no RAM to fit %s",
                    "it to this one; build it again");
        return;
    }
    memcpy(code, application.code, application.code_size);
    for (uint32_t id = 0; id < firmware.first_id && id < count; id++)
        map[id] = (uint16_t)id;
    const uint8_t *entry = application.borrowed;
    for (unsigned i = 0; i < application.borrowed_count; i++) {
        uint16_t id;
        const char *name;
        entry = bundle_borrowed(entry, &id, &name);
        txID now = fxNewNameX(the, (txString)name);
        if (id < count)
            map[id] = now;
    }
    const char *name = application.own;
    for (unsigned i = 0; i < application.own_count; i++, name += strlen(name) + 1)
        map[application.first_id + i] = fxNewNameX(the, (txString)name);
    if (!bytecode_rewrite(code, application.code_size, map, count))
        set_problem("the application %s", "is malformed");
    free(map);
    application.code = code;
}

void bundles_skip_spare(txMachine *the) {
    if (!symbols_skip_to(the, symbols_application_start(&firmware)))
        failure_fatal("the firmware's module makes up more than %d symbols", SYMBOLS_SPARE);
}

void bundles_bind_application(txMachine *the) {
    bundles_skip_spare(the);
    if (problem[0])
        return;
    if (application.base_digest != firmware.symbols_digest)
        remap_application(the);
    else if (!symbols_add_own(the, &application))
        set_problem("the application %s", "is malformed");
    if (!problem[0])
        application_id = fxNewNameX(the, (txString)application.name);
}

const char *bundles_application_problem(void) {
    return problem[0] ? problem : NULL;
}

const char *bundles_application_name(void) {
    return application.name;
}

static bool is_in(const struct bundle *bundle, const txByte *code, uint32_t *offset) {
    uintptr_t from_start = (uintptr_t)code - (uintptr_t)bundle->code;
    if (!code || !bundle->code || from_start >= bundle->code_size)
        return false;
    *offset = (uint32_t)from_start;
    return true;
}

enum stack_place bundles_find(const txByte *code, uint32_t *offset) {
    if (is_in(&application, code, offset))
        return STACK_APPLICATION;
    return is_in(&firmware, code, offset) ? STACK_FIRMWARE : STACK_NATIVE;
}

uint32_t bundles_id(bool of_application) {
    return of_application ? application.id : firmware.id;
}

/*
 * The engine asks for the identifier of the module that `importer` calls by this name. An importer of
 * XS_NO_ID is C itself, which starts the firmware.
 */
txID fxFindModule(txMachine *the, txSlot *realm, txID importer, txSlot *slot) {
    (void)realm;
    const char *name = fxToString(the, slot);
    if (importer == XS_NO_ID)
        return strcmp(name, firmware.name) == 0 ? firmware_id : XS_NO_ID;
    if (application_id == XS_NO_ID || importer != application_id)
        return XS_NO_ID;
    application_check_import(the, name);
    return fxNewName(the, slot);
}

void fxLoadModule(txMachine *the, txSlot *module, txID id) {
    const struct bundle *bundle = id == firmware_id ? &firmware : id == application_id ? &application : NULL;
    if (!bundle)
        return;
    txScript script = {
        .codeBuffer = (txS1 *)bundle->code,
        .codeSize = (txSize)bundle->code_size,
        .path = (txString)bundle->name,
        .version = {XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0},
    };
    fxResolveModule(the, module, id, &script, NULL, NULL);
}
