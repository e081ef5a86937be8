/*
 * rom.c: the preloaded machine. While the image is built, an emulator runs the very program that it is for:
 * the engine creates its built-ins and evaluates the firmware's module inside a region of flash, everything
 * there is made immutable, and the region becomes part of the image. A camera then clones that machine: what
 * is never changed stays in flash, and RAM holds the differences only (an instance that a program changes
 * gets a copy, its alias).
 *
 * The image holds addresses of this program's code, so it carries the program's build identifier.
 */
#include "runtime.h"

#define ROM_MAGIC 0x4d4f524fu /* "OROM" */

struct rom_header {
    uint32_t magic;
    uint32_t size;
    uint8_t build_id[PORT_BUILD_ID_SIZE];
    txSlot *main;
    txSlot *natives;
    txMachine root; /* zeros but for what fxCloneMachine reads */
};

bool rom_find(struct rom *rom) {
    const struct port_rom *region = port_rom();
    if (!region)
        return false;
    const struct rom_header *header = region->start;
    if (header->magic != ROM_MAGIC || header->size > region->size ||
        memcmp(header->build_id, region->build_id, PORT_BUILD_ID_SIZE) != 0)
        return false;
    rom->root = &header->root;
    rom->main = header->main;
    rom->natives = header->natives;
    return true;
}

/* ---- making it ---- */

/* What the camera calls first; in RAM while the machine is preloaded. */
static txSlot main_function;
static txSlot natives;

static void keep_main(txMachine *the) {
    root_set(&main_function, mxArgv(0));
    natives_push(the);
    root_set(&natives, the->stack);
    mxPop();
}

/*
 * A name that the module made up has taken an identifier which no compiler knows, and an application that
 * uses the same name was compiled with another one.
 */
static void check_names(txMachine *the) {
    char names[160] = "";
    size_t length = 0;
    for (txID id = bundles_firmware_end(); id < the->keyIndex; id++) {
        const txSlot *key = the->keyArray[id];
        bool is_name = key && (key->kind == XS_KEY_KIND || key->kind == XS_KEY_X_KIND) &&
                       (key->flag & XS_DONT_ENUM_FLAG);
        if (is_name && length < sizeof names)
            length +=
                (size_t)snprintf(names + length, sizeof names - length, " \"%s\"", key->value.key.string);
    }
    if (length)
        failure_fatal(
            "preload: while the firmware's module is evaluated, it makes property names of strings: "
            "write%s as identifiers somewhere",
            names);
}

/* The global object's cache of look-ups would be written through. */
static void drop_global_cache(txMachine *the) {
    txSlot *global = mxGlobal.value.reference;
    if (global->next->kind == XS_GLOBAL_KIND) {
        global->next = global->next->next;
        global->flag &= ~XS_EXOTIC_FLAG;
    }
}

/* A clone's compartments inherit their global objects from this one. */
static void create_compartment_global(txMachine *the) {
    mxPush(mxObjectPrototype);
    txSlot *property = fxLastProperty(the, fxNewObjectInstance(the));
    for (txID id = XS_SYMBOL_ID_COUNT; id < _Compartment; id++)
        property = fxNextSlotProperty(the, property, &the->stackPrototypes[-1 - id], mxID(id),
                                      id < _Infinity ? XS_DONT_ENUM_FLAG : XS_GET_ONLY);
    mxPull(mxCompartmentGlobal);
}

static void settle_value(txSlot *slot);

static void settle_items(txSlot *items, txIndex length) {
    for (txIndex i = 0; items && i < length; i++)
        settle_value(&items[i]);
}

/*
 * The collector of a clone marks chunks of values that it finds in RAM, and moves them. Values that are
 * copied from the image must be of the kinds which point to memory that is not the collector's.
 */
static void settle_value(txSlot *slot) {
    switch (slot->kind) {
    case XS_STRING_KIND:
        slot->kind = XS_STRING_X_KIND;
        break;
    case XS_BIGINT_KIND:
        slot->kind = XS_BIGINT_X_KIND;
        break;
    case XS_CODE_KIND:
        slot->kind = XS_CODE_X_KIND;
        break;
    case XS_KEY_KIND:
        slot->kind = XS_KEY_X_KIND;
        break;
    case XS_ARGUMENTS_SLOPPY_KIND:
    case XS_ARGUMENTS_STRICT_KIND:
    case XS_ARRAY_KIND:
    case XS_STACK_KIND:
        settle_items(slot->value.array.address, slot->value.array.length);
        break;
    /* Contents that have no aliases: read-only, and the engine says so when a program tries. */
    case XS_ARRAY_BUFFER_KIND:
    case XS_MAP_KIND:
    case XS_SET_KIND:
    case XS_WEAK_MAP_KIND:
    case XS_WEAK_SET_KIND:
    case XS_DATE_KIND:
        slot->flag |= XS_DONT_SET_FLAG;
        break;
    case XS_REGEXP_KIND:
        /* A match writes there; without it, it takes memory of its own. */
        slot->value.regexp.data = NULL;
        break;
    default:
        break;
    }
}

/* The alias of such an instance would share the contents, and the collector would mark them. */
static bool has_contents(const txSlot *instance) {
    const txSlot *slot = instance->next;
    return slot && (slot->flag & XS_INTERNAL_FLAG) &&
           (slot->kind == XS_ARRAY_BUFFER_KIND || slot->kind == XS_MAP_KIND || slot->kind == XS_SET_KIND ||
            slot->kind == XS_REGEXP_KIND || slot->kind == XS_WEAK_MAP_KIND || slot->kind == XS_WEAK_SET_KIND);
}

/* So that it gets no alias. A regular expression has a `lastIndex`. */
static void freeze(txSlot *instance) {
    instance->flag |= XS_DONT_PATCH_FLAG;
    for (txSlot *property = instance->next; property; property = property->next)
        if (!(property->flag & XS_INTERNAL_FLAG))
            property->flag |= XS_DONT_SET_FLAG | XS_DONT_DELETE_FLAG;
}

/*
 * The engine numbers what may get an alias from 0, and reads 0 as "cannot change": whatever came first would
 * be written in place. Numbers it again, and the unchangeable ones before it, which does no harm.
 */
static void number_first(txMachine *the) {
    bool numbered = false;
    for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
        for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++) {
            if (slot->kind == XS_INSTANCE_KIND && slot->ID != XS_NO_ID)
                numbered = true;
            if (slot->kind == XS_INSTANCE_KIND && !numbered)
                slot->ID = the->aliasCount++;
            if (slot->kind == XS_CLOSURE_KIND && slot->value.closure &&
                !(slot->value.closure->flag & XS_DONT_SET_FLAG) && slot->value.closure->ID == XS_NO_ID)
                slot->value.closure->ID = the->aliasCount++;
        }
    }
}

/* After the engine's own fxShareMachine. */
static void settle(txMachine *the) {
    for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
        for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++) {
            settle_value(slot);
            if (slot->kind == XS_INSTANCE_KIND && has_contents(slot))
                freeze(slot);
        }
    }
}

static void *keep(const void *bytes, size_t size) {
    return memcpy(memory_preload_take(size), bytes, size);
}

/* Fills in what fxCloneMachine reads; tables and stack move behind slots and chunks. */
static void keep_root(txMachine *root, const txMachine *the) {
    size_t depth = (size_t)(the->stackTop - the->stack);
    for (txSlot *slot = the->stack; slot < the->stackTop; slot++)
        settle_value(slot);
    txSlot *stack = keep(the->stack, depth * sizeof *stack);
    root->stack = root->stackBottom = stack;
    root->stackTop = stack + depth;
    root->keyIndex = the->keyIndex;
    root->keyArray = keep(the->keyArray, the->keyIndex * sizeof *the->keyArray);
    root->nameModulo = the->nameModulo;
    root->nameTable = keep(the->nameTable, (size_t)the->nameModulo * sizeof *the->nameTable);
    root->symbolModulo = the->symbolModulo;
    root->symbolTable = keep(the->symbolTable, (size_t)the->symbolModulo * sizeof *the->symbolTable);
    root->aliasCount = the->aliasCount;
    root->profileID = the->profileID;
}

void rom_preload(void) {
    const struct port_rom *region = port_rom();
    struct rom_header *header = region->start;
    size_t start = (sizeof *header + 15) & ~(size_t)15;
    unsigned names = bundles_open_firmware(false);
    txMachine *the = memory_create_preloaded((uint8_t *)region->start + start, region->size - start, names);
    root_add(the, &main_function);
    root_add(the, &natives);
    bundles_bind_firmware(the, false);
    main_import(the, keep_main);
    loop_run_jobs(the);
    if (!mxIsReference(&main_function))
        failure_fatal("preload: the firmware's module waits for something while it is evaluated");
    check_names(the);
    bundles_skip_spare(the);
    drop_global_cache(the);
    create_compartment_global(the);
    fxShareMachine(the);
    number_first(the);
    settle(the);

    header->main = main_function.value.reference;
    header->natives = natives.value.reference;
    keep_root(&header->root, the);
    memcpy(header->build_id, region->build_id, PORT_BUILD_ID_SIZE);
    header->size = (uint32_t)((uint8_t *)memory_preload_take(0) - (uint8_t *)region->start);
    header->magic = ROM_MAGIC;
    if (!port_rom_save(header->size))
        failure_fatal("preload: the image could not be saved");
    console_line(CONSOLE_INFO, "preloaded %u bytes: %d slots, %d bytes of chunks, %d symbols, %d aliases",
                 (unsigned)header->size, (int)the->currentHeapCount, (int)the->currentChunksSize,
                 (int)the->keyIndex, (int)the->aliasCount);
    port_exit(0);
}
