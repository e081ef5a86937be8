/*
 * rom_preload.c: makes the preloaded machine, in an emulator while the image is built. Evaluates the
 * firmware's module where a camera's heap grows, makes everything immutable, and has it packed into the
 * region.
 */
#include "evaluation.h"
#include "heap.h"
#include "rom.h"

/* More than any firmware needs while it is evaluated. */
#define SCRATCH_SIZE ((size_t)1 << 20)

/* What the camera calls first; in RAM while the machine is preloaded. */
static txSlot main_function;
static txSlot natives_object;

static void keep_main(txMachine *the) {
    root_set(&main_function, mxArgv(0));
    natives_push(the);
    root_set(&natives_object, the->stack);
    mxPop();
}

/*
 * A name that the module made up has taken an identifier which no compiler knows, and an application that
 * uses the same name was compiled with another one.
 */
static void check_names(txMachine *the) {
    char names[160] = "";
    size_t length = 0;
    const struct bundle *firmware = bundles_firmware();
    for (txID id = (txID)(firmware->first_id + firmware->own_count); id < the->keyIndex; id++) {
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

/*
 * A function that was written `function` could be a constructor, and has an object for its instances to
 * inherit from. In TypeScript only classes are constructors.
 */
static void drop_prototype(txSlot *function) {
    const txSlot *code = function->next;
    if (!(function->flag & XS_CAN_CONSTRUCT_FLAG) || !code || code->kind != XS_CODE_X_KIND ||
        (uint8_t)code->value.code.address[0] != XS_CODE_BEGIN_STRICT)
        return;
    for (txSlot *before = code->next; before->next; before = before->next) {
        txSlot *property = before->next;
        if (property->ID != mxID(_prototype) || property->kind != XS_REFERENCE_KIND)
            continue;
        const txSlot *constructor = property->value.reference->next;
        if (constructor && constructor->ID == mxID(_constructor) && !constructor->next) {
            before->next = property->next;
            function->flag &= ~XS_CAN_CONSTRUCT_FLAG;
        }
        return;
    }
}

static void drop_prototypes(txMachine *the) {
    for (txSlot *heap = the->firstHeap; heap; heap = heap->next)
        for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++)
            if (slot->kind == XS_INSTANCE_KIND)
                drop_prototype(slot);
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
    case XS_ARRAY_KIND: {
        /* An array may be longer than what it has items for. */
        txIndex count = fxGetIndexSize(NULL, slot);
        settle_items(slot->value.array.address,
                     count < slot->value.array.length ? count : slot->value.array.length);
        break;
    }
    case XS_STACK_KIND:
        settle_items(slot->value.stack.address, (txIndex)slot->value.stack.length);
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

/* The variable of an outer function that a program may write, or NULL. */
static txSlot *written_variable(const txSlot *slot) {
    bool may = slot->kind == XS_CLOSURE_KIND && slot->value.closure &&
               !(slot->value.closure->flag & XS_DONT_SET_FLAG);
    return may ? slot->value.closure : NULL;
}

/*
 * The engine numbers what may get an alias from 0, and reads 0 as "cannot change": whatever came first would
 * be written in place. Numbers it again from 1, and the unchangeable instances before it, which does no harm.
 * A list of a function's outer variables never changes, only its variables do.
 */
static void number_aliases(txMachine *the) {
    for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
        for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++) {
            txSlot *variable = written_variable(slot);
            if (variable)
                variable->ID = XS_NO_ID;
        }
    }
    bool numbered = false;
    the->aliasCount = 1;
    for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
        for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++) {
            txSlot *variable = written_variable(slot);
            if (slot->kind == XS_INSTANCE_KIND) {
                numbered |= slot->ID != XS_NO_ID;
                bool changes = (slot->ID != XS_NO_ID || !numbered) && !rom_is_environment(slot);
                slot->ID = changes ? the->aliasCount++ : XS_NO_ID;
            } else if (variable && variable->ID == XS_NO_ID) {
                variable->ID = the->aliasCount++;
            }
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
    for (txSlot *slot = the->stack; slot < the->stackTop; slot++)
        settle_value(slot);
}

void rom_preload(void) {
    const struct port_rom *region = port_rom();
    struct rom_header *header = region->start;
    uint8_t *scratch = heap_scratch(SCRATCH_SIZE);
    evaluation.open();
    txMachine *the = memory_create_preloaded(scratch, SCRATCH_SIZE, bundles_firmware()->own_count);
    root_add(the, &main_function);
    root_add(the, &natives_object);
    evaluation_bind(the);
    evaluation_import(the, keep_main);
    loop_run_jobs(the);
    if (!mxIsReference(&main_function))
        failure_fatal("preload: the firmware's module waits for something while it is evaluated");
    check_names(the);
    bundles_skip_spare(the);
    drop_prototypes(the);
    drop_global_cache(the);
    create_compartment_global(the);
    fxShareMachine(the);
    number_aliases(the);
    settle(the);

    header->main = main_function.value.reference;
    header->natives = natives_object.value.reference;
    struct rom_packed packed = rom_pack(header, (uint8_t *)region->start + region->size, the,
                                        bundles_firmware(), scratch, SCRATCH_SIZE);
    memcpy(header->build_id, region->build_id, PORT_BUILD_ID_SIZE);
    header->magic = ROM_MAGIC;
    header->checksum = rom_checksum(header);
    if (!port_rom_save(header->size))
        failure_fatal("preload: the image could not be saved");
    console_line(CONSOLE_DEBUG, "firmware %08x of %08x", (unsigned)header->firmware.id,
                 (unsigned)bundles_firmware()->id);
    console_line(
        CONSOLE_INFO,
        "preloaded %u bytes: %u slots (%u shared), %u bytes of code, %u of strings, %d symbols, %d aliases",
        (unsigned)header->size, packed.slots, packed.slots_shared, packed.code, packed.strings,
        (int)the->keyIndex, (int)the->aliasCount);
    port_exit(0);
}
