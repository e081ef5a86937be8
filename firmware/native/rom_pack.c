/*
 * rom_pack.c: packs a machine into the image. A machine that was evaluated is full of holes, and of what only
 * the evaluation needed: code that ran once, names, several equal strings. What the camera can reach is
 * copied instead: slots, then the contents of arrays and buffers, then the code of functions, then strings.
 * Ends of lists of properties that are equal become one, and so do lists of outer variables of which one
 * begins with the other.
 */
#include "rom_pack.h"

#define NONE UINT32_MAX

/* A slot that others may be equal to, as it was before its copy was completed. */
struct shared {
    txSlot slot;
    txSlot *copy;
};

static struct {
    /* Slots of the evaluated machine, by index. */
    txSlot *slots;
    uint32_t slot_count;
    uint32_t *reached; /* in the order that they were reached */
    uint32_t reached_count;
    bool *is_reached;
    bool *is_pinned; /* something refers to this very slot; not just the slot before it in a list */
    txSlot **copies;
    uint32_t *list; /* for place_list */
    struct shared *shared;
    struct rom_packed packed;
} pack;

static uint32_t index_of(const txSlot *slot) {
    return slot >= pack.slots && slot < pack.slots + pack.slot_count ? (uint32_t)(slot - pack.slots) : NONE;
}

/* ---- first: what is reached ---- */

static void reach(txSlot *slot) {
    uint32_t index = index_of(slot);
    if (index == NONE || pack.is_reached[index])
        return;
    pack.is_reached[index] = true;
    pack.reached[pack.reached_count++] = index;
}

static void reach_reference(txSlot **reference) {
    uint32_t index = index_of(*reference);
    if (index == NONE)
        return;
    pack.is_pinned[index] = true;
    reach(*reference);
}

/* Whether the object has the function as a method, getter or setter. */
static bool has_method(const txSlot *object, const txSlot *function) {
    for (const txSlot *property = object->next; property; property = property->next) {
        if (property->kind == XS_REFERENCE_KIND && property->value.reference == function)
            return true;
        if (property->kind == XS_ACCESSOR_KIND &&
            (property->value.accessor.getter == function || property->value.accessor.setter == function))
            return true;
    }
    return false;
}

/*
 * Where a function's `super` would begin to look. Most never say it, and then it does not matter. Built-in
 * functions keep something else there, unless they are methods of it.
 */
static void forget_home(txSlot *instance) {
    txSlot *code = instance->next;
    txSlot *home = code ? code->next : NULL;
    if (!home || home->kind != XS_HOME_KIND || !home->value.home.object)
        return;
    const struct pack_function *function =
        code->kind == XS_CODE_X_KIND ? pack_function(code->value.code.address) : NULL;
    bool unused = function ? !pack_says_super(function)
                           : code->kind == XS_CALLBACK_KIND && has_method(home->value.home.object, instance);
#ifndef PROFILE /* of the benchmark, which names methods by it */
    if (unused)
        home->value.home.object = NULL;
#else
    (void)unused;
#endif
}

/* So that slots which mean the same are equal. */
static void normalise(txSlot *slot) {
    switch (slot->kind) {
    case XS_UNDEFINED_KIND:
    case XS_NULL_KIND:
        memset(&slot->value, 0, sizeof slot->value);
        break;
    case XS_REFERENCE_KIND:
    case XS_CLOSURE_KIND:
    case XS_INTEGER_KIND:
    case XS_STRING_X_KIND:
        slot->value.list.last = NULL;
        break;
    case XS_HOME_KIND:
        slot->ID = XS_NO_ID; /* for a profiler that the camera does not have */
        break;
    case XS_INSTANCE_KIND:
        slot->value.instance.garbage = NULL;
        forget_home(slot);
        break;
    case XS_WEAK_MAP_KIND:
    case XS_WEAK_SET_KIND:
        slot->value.weakList.link = NULL;
        break;
    default:
        break;
    }
}

static void reach_rest(void) {
    for (uint32_t i = 0; i < pack.reached_count; i++) {
        txSlot *slot = &pack.slots[pack.reached[i]];
        normalise(slot);
        pack_visit(slot, reach_reference);
        reach(slot->next);
        struct pack_function *function =
            slot->kind == XS_CODE_X_KIND ? pack_function(slot->value.code.address) : NULL;
        if (function)
            function->reached = true;
    }
}

static void reach_all(txMachine *the, txSlot *main, txSlot *natives) {
    memset(pack.is_reached, 0, pack.slot_count * sizeof *pack.is_reached);
    memset(pack.is_pinned, 0, pack.slot_count * sizeof *pack.is_pinned);
    pack.reached_count = 0;
    reach_reference(&main);
    reach_reference(&natives);
    for (txSlot *slot = the->stack; slot < the->stackTop; slot++)
        pack_visit(slot, reach_reference);
    for (txID id = 0; id < the->keyIndex; id++)
        reach_reference(&the->keyArray[id]);
    for (txSize i = 0; i < the->nameModulo; i++)
        reach_reference(&the->nameTable[i]);
    for (txSize i = 0; i < the->symbolModulo; i++)
        reach_reference(&the->symbolTable[i]);
    reach_rest();
}

/* ---- lists of outer variables ---- */

bool rom_is_environment(const txSlot *instance) {
    const txSlot *slot = instance->next;
    return slot && (instance->flag & XS_EXOTIC_FLAG) && (slot->flag & XS_INTERNAL_FLAG) &&
           slot->ID == XS_ENVIRONMENT_BEHAVIOR;
}

/* The length of a list that begins with all of another one; 0 when it does not. */
static uint32_t length_beginning_with(const txSlot *slot, const txSlot *beginning) {
    uint32_t length = 0;
    for (; beginning; beginning = beginning->next, slot = slot->next, length++)
        if (!slot || slot->kind != beginning->kind || slot->flag != beginning->flag ||
            slot->ID != beginning->ID || memcmp(&slot->value, &beginning->value, sizeof slot->value) != 0)
            return 0;
    for (; slot; slot = slot->next)
        length++;
    return length;
}

/* The longest list that begins with this one. It may be this one. */
static txSlot *longest_environment(txSlot *environment) {
    txSlot *longest = environment;
    uint32_t most = 0;
    for (uint32_t i = 0; i < pack.reached_count; i++) {
        txSlot *slot = &pack.slots[pack.reached[i]];
        if (slot->kind != XS_INSTANCE_KIND || !rom_is_environment(slot))
            continue;
        uint32_t length = length_beginning_with(slot->next, environment->next);
        if (length > most) {
            most = length;
            longest = slot;
        }
    }
    return longest;
}

/* A function takes as many variables from the beginning of its list as it has, whatever is behind them. */
static void share_environments(void) {
    for (uint32_t i = 0; i < pack.reached_count; i++) {
        txSlot *slot = &pack.slots[pack.reached[i]];
        if (slot->kind == XS_CODE_X_KIND && slot->value.code.closures)
            slot->value.code.closures = longest_environment(slot->value.code.closures);
    }
}

/* ---- then: places ---- */

/* The copy of a slot, before a copy `next` of the rest of its list. It may be there already. */
static txSlot *place_slot(const txSlot *slot, txSlot *next) {
    bool shares = slot->kind == XS_INSTANCE_KIND ? rom_is_environment(slot) : !pack.is_pinned[index_of(slot)];
    txSlot wanted = *slot;
    wanted.next = next;
    struct shared *shared = pack.shared;
    if (shares) {
        uint32_t bucket = pack_hash(&wanted, sizeof wanted);
        for (; pack.shared[bucket].copy; bucket = (bucket + 1) % PACK_BUCKETS) {
            if (memcmp(&pack.shared[bucket].slot, &wanted, sizeof wanted) == 0) {
                pack.packed.slots_shared++;
                return pack.shared[bucket].copy;
            }
        }
        shared += bucket;
    }
    txSlot *copy = pack_keep(&wanted, sizeof wanted, sizeof wanted);
    pack.packed.slots++;
    if (shares)
        *shared = (struct shared){.slot = wanted, .copy = copy};
    return copy;
}

/* A list is placed from its end, because what follows tells which slots are equal. */
static void place_list(const txSlot *first) {
    uint32_t length = 0;
    for (uint32_t index = index_of(first); index != NONE && !pack.copies[index];
         index = index_of(pack.slots[index].next))
        pack.list[length++] = index;
    while (length-- > 0) {
        const txSlot *slot = &pack.slots[pack.list[length]];
        uint32_t next = index_of(slot->next);
        pack.copies[pack.list[length]] = place_slot(slot, next == NONE ? NULL : pack.copies[next]);
    }
}

static void place_slots(void) {
    for (uint32_t i = 0; i < pack.reached_count; i++)
        if (!pack.copies[pack.reached[i]])
            place_list(&pack.slots[pack.reached[i]]);
}

/* ---- last: copies refer to copies ---- */

static void refer(txSlot **reference) {
    uint32_t index = index_of(*reference);
    if (index != NONE)
        *reference = pack.copies[index];
    else if (*reference)
        failure_fatal("preload: a reference leads out of the machine, to %p", (void *)*reference);
}

/* With the header that says how long it is. */
static void *keep_chunk(void *address) {
    if (!address)
        return NULL;
    const txChunk *chunk = (const txChunk *)address - 1;
    return (txChunk *)pack_keep(chunk, (size_t)chunk->size, 8) + 1;
}

/* Copies what a slot has outside itself, and leads its references to copies. */
static void complete(txSlot *slot) {
    struct pack_function *function;
    switch (slot->kind) {
    case XS_ARGUMENTS_SLOPPY_KIND:
    case XS_ARGUMENTS_STRICT_KIND:
    case XS_ARRAY_KIND:
        slot->value.array.address = keep_chunk(slot->value.array.address);
        for (txIndex i = 0; i < pack_item_count(slot); i++)
            complete(&slot->value.array.address[i]);
        return;
    case XS_ARRAY_BUFFER_KIND:
        slot->value.arrayBuffer.address = keep_chunk(slot->value.arrayBuffer.address);
        break;
    case XS_BIGINT_X_KIND:
        slot->value.bigint.data =
            pack_keep(slot->value.bigint.data, slot->value.bigint.size * sizeof *slot->value.bigint.data, 4);
        break;
    case XS_CALLBACK_KIND:
    case XS_CALLBACK_X_KIND:
        pack_check_stays((const void *)slot->value.callback.address);
        break;
    case XS_CODE_X_KIND:
        function = pack_function(slot->value.code.address);
        if (function)
            slot->value.code.address = (txByte *)function->copy;
        else
            pack_check_stays(slot->value.code.address);
        break;
    case XS_IDS_KIND:
        slot->value.IDs = keep_chunk(slot->value.IDs);
        break;
    case XS_KEY_X_KIND:
        slot->value.key.string = pack_keep_string(slot->value.key.string);
        break;
    case XS_MAP_KIND:
    case XS_SET_KIND:
        slot->value.table.address = keep_chunk(slot->value.table.address);
        break;
    case XS_REGEXP_KIND:
        slot->value.regexp.code = keep_chunk(slot->value.regexp.code);
        break;
    case XS_STRING_X_KIND:
        slot->value.string = pack_keep_string(slot->value.string);
        break;
    case XS_TYPED_ARRAY_KIND:
        pack_check_stays(slot->value.typedArray.dispatch);
        break;
    default:
        break;
    }
    pack_visit(slot, refer);
}

/* A table of slots, some of them missing. */
static txSlot **keep_table(txSlot **table, size_t length) {
    txSlot **copy = pack_keep(table, length * sizeof *table, sizeof *table);
    for (size_t i = 0; i < length; i++)
        refer(&copy[i]);
    return copy;
}

/* What fxCloneMachine reads. */
static void keep_root(txMachine *root, const txMachine *the) {
    size_t depth = (size_t)(the->stackTop - the->stack);
    txSlot *stack = pack_keep(the->stack, depth * sizeof *stack, sizeof(txSlot));
    for (size_t i = 0; i < depth; i++) {
        stack[i].next = NULL;
        complete(&stack[i]);
    }
    root->stack = root->stackBottom = stack;
    root->stackTop = stack + depth;
    root->keyIndex = the->keyIndex;
    root->keyArray = keep_table(the->keyArray, the->keyIndex);
    root->nameModulo = the->nameModulo;
    root->nameTable = keep_table(the->nameTable, (size_t)the->nameModulo);
    root->symbolModulo = the->symbolModulo;
    root->symbolTable = keep_table(the->symbolTable, (size_t)the->symbolModulo);
    root->aliasCount = the->aliasCount;
    root->profileID = the->profileID;
}

struct rom_packed rom_pack(struct rom_header *header, const uint8_t *limit, txMachine *the,
                           const struct bundle *firmware, uint8_t *scratch, size_t size) {
    pack.slots = (txSlot *)scratch;
    pack.slot_count = (uint32_t)(size / sizeof(txSlot));
    pack.reached = pack_zeros(pack.slot_count, sizeof *pack.reached);
    pack.is_reached = pack_zeros(pack.slot_count, sizeof *pack.is_reached);
    pack.is_pinned = pack_zeros(pack.slot_count, sizeof *pack.is_pinned);
    pack.list = pack_zeros(pack.slot_count, sizeof *pack.list);
    pack.copies = pack_zeros(pack.slot_count, sizeof *pack.copies);
    pack.shared = pack_zeros(PACK_BUCKETS, sizeof *pack.shared);
    pack_begin(header + 1, limit);
    pack_find_functions(firmware);
    reach_all(the, header->main, header->natives);
    share_environments();
    reach_all(the, header->main, header->natives);

    txSlot *slots = (txSlot *)pack_place(0, sizeof(txSlot));
    place_slots();
    pack_copy_functions();
    for (txSlot *slot = slots; slot < slots + pack.packed.slots; slot++)
        complete(slot);
    keep_root(&header->root, the);
    refer(&header->main);
    refer(&header->natives);
    header->firmware = *firmware;
    header->firmware.name = pack_keep_string(firmware->name);
    header->firmware.own = NULL;
    header->firmware.borrowed = NULL;
    header->size = (uint32_t)(pack_place(0, 1) - (uint8_t *)header);
    /* Functions are all over the region, and it belongs to this very program. */
    header->firmware.code = (const uint8_t *)header;
    header->firmware.code_size = header->size;
    header->firmware.id = bundle_get32(port_rom()->build_id);
    pack_list_functions(firmware, (const uint8_t *)header);
    pack.packed.code = pack_code_size();
    pack.packed.strings = pack_strings_size();
    return pack.packed;
}
