/*
 * rom_pack.c: packs a machine into the image. A machine that was evaluated is full of holes, and of what only
 * the evaluation needed: code that ran once, names, several equal strings. What the camera can reach is
 * copied instead: slots, then the contents of arrays and buffers, then the code of functions, then strings.
 * Ends of lists of properties that are equal become one.
 */
#include "bytecode.h"
#include "rom.h"

#define NONE UINT32_MAX
#define BUCKETS 16384 /* a power of two, more than there are strings or slots that can be shared */

/* A function in the firmware's bytecode, and where its code was copied. */
struct function {
    const uint8_t *code;
    uint32_t length;
    bool reached;
    uint8_t *copy;
};

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
    struct function *functions; /* in the order of their code */
    uint32_t function_count;
    uint32_t *list; /* for place_list */
    struct shared *shared;
    const char **strings;
    uint8_t *next; /* the end of what is packed */
    const uint8_t *limit;
    struct rom_packed packed;
} pack;

static void *zeros(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory)
        failure_fatal("preload: the emulated board has no memory left to pack the machine");
    return memory;
}

static uint8_t *place(size_t size, size_t alignment) {
    uint8_t *at = (uint8_t *)(((uintptr_t)pack.next + alignment - 1) & ~(uintptr_t)(alignment - 1));
    if ((size_t)(pack.limit - at) < size || at > pack.limit)
        failure_fatal("preload: the machine does not fit into its region");
    pack.next = at + size;
    return at;
}

static void *keep(const void *bytes, size_t size, size_t alignment) {
    return memcpy(place(size, alignment), bytes, size);
}

static uint32_t index_of(const txSlot *slot) {
    return slot >= pack.slots && slot < pack.slots + pack.slot_count ? (uint32_t)(slot - pack.slots) : NONE;
}

/* What stays outside the machine must not lie in the part of the program that leaves the image. */
static void check_stays(const void *pointer) {
    const struct port_rom *region = port_rom();
    const uint8_t *leaves = region->leaves;
    if ((const uint8_t *)pointer >= leaves && (const uint8_t *)pointer < leaves + region->leaves_size)
        failure_fatal("preload: the machine needs code at %p that leaves the image: change the linker script",
                      pointer);
}

/* ---- what a slot refers to ---- */

typedef void (*visitor)(txSlot **reference);

/* Items of an array that are there. They have an index where other slots have the next one. */
static txIndex item_count(txSlot *array) {
    txIndex count = fxGetIndexSize(NULL, array);
    return count < array->value.array.length ? count : array->value.array.length;
}

/* Calls `visit` for every reference of a slot's value. */
static void visit_value(txSlot *slot, visitor visit) {
    switch (slot->kind) {
    case XS_UNINITIALIZED_KIND:
    case XS_UNDEFINED_KIND:
    case XS_NULL_KIND:
    case XS_BOOLEAN_KIND:
    case XS_INTEGER_KIND:
    case XS_NUMBER_KIND:
    case XS_STRING_X_KIND:
    case XS_SYMBOL_KIND:
    case XS_BIGINT_X_KIND:
    case XS_ARRAY_BUFFER_KIND:
    case XS_BUFFER_INFO_KIND:
    case XS_DATE_KIND:
    case XS_DATA_VIEW_KIND:
    case XS_IDS_KIND:
    case XS_KEY_X_KIND:
    case XS_REGEXP_KIND:
    case XS_TYPED_ARRAY_KIND:
        break;
    case XS_REFERENCE_KIND:
    case XS_CLOSURE_KIND:
        visit(&slot->value.reference);
        break;
    case XS_INSTANCE_KIND:
        visit(&slot->value.instance.prototype);
        break;
    case XS_ARGUMENTS_SLOPPY_KIND:
    case XS_ARGUMENTS_STRICT_KIND:
    case XS_ARRAY_KIND:
        for (txIndex i = 0; i < item_count(slot); i++)
            visit_value(&slot->value.array.address[i], visit);
        break;
    case XS_CALLBACK_KIND:
    case XS_CALLBACK_X_KIND:
        visit(&slot->value.callback.closures);
        break;
    case XS_CODE_X_KIND:
        visit(&slot->value.code.closures);
        break;
    case XS_MAP_KIND:
    case XS_SET_KIND:
        for (txSize i = 0; i < slot->value.table.length; i++)
            visit(&slot->value.table.address[i]);
        break;
    case XS_MODULE_KIND:
    case XS_PROGRAM_KIND:
        visit(&slot->value.module.realm);
        break;
    case XS_WEAK_MAP_KIND:
    case XS_WEAK_SET_KIND:
        visit(&slot->value.weakList.first);
        break;
    case XS_ENTRY_KIND:
        visit(&slot->value.entry.slot);
        break;
    case XS_ERROR_KIND:
        visit(&slot->value.error.info);
        break;
    /* Two references. */
    case XS_ACCESSOR_KIND:
    case XS_EXPORT_KIND:
    case XS_HOME_KIND:
    case XS_LIST_KIND:
    case XS_PRIVATE_KIND:
    case XS_WEAK_ENTRY_KIND:
        visit(&slot->value.list.first);
        visit(&slot->value.list.last);
        break;
    default:
        failure_fatal("preload: the firmware's module keeps a value that an image cannot hold (kind %d)",
                      slot->kind);
    }
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

static struct function *function_of(const txByte *address) {
    const uint8_t *code = (const uint8_t *)address;
    uint32_t low = 0, high = pack.function_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (pack.functions[middle].code <= code)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && code == pack.functions[low - 1].code ? &pack.functions[low - 1] : NULL;
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
    case XS_INSTANCE_KIND: {
        txSlot *code = slot->next;
        slot->value.instance.garbage = NULL;
        /* What `super` means, which nothing of C says. */
        if (code && code->kind == XS_CALLBACK_KIND && code->next && code->next->kind == XS_HOME_KIND)
            code->next->value.home.object = NULL;
        break;
    }
    case XS_WEAK_MAP_KIND:
    case XS_WEAK_SET_KIND:
        slot->value.weakList.link = NULL;
        break;
    default:
        break;
    }
}

static void reach_all(void) {
    for (uint32_t i = 0; i < pack.reached_count; i++) {
        txSlot *slot = &pack.slots[pack.reached[i]];
        normalise(slot);
        visit_value(slot, reach_reference);
        reach(slot->next);
        struct function *function =
            slot->kind == XS_CODE_X_KIND ? function_of(slot->value.code.address) : NULL;
        if (function)
            function->reached = true;
    }
}

/* ---- then: places ---- */

static uint32_t hash(const void *bytes, size_t size) {
    uint64_t digest = bundle_digest(BUNDLE_DIGEST_START, bytes, size);
    return (uint32_t)(digest ^ digest >> 32) % BUCKETS;
}

/* The copy of a slot, before a copy `next` of the rest of its list. It may be there already. */
static txSlot *place_slot(const txSlot *slot, txSlot *next) {
    bool shares = !pack.is_pinned[index_of(slot)] && slot->kind != XS_INSTANCE_KIND;
    txSlot wanted = *slot;
    wanted.next = next;
    struct shared *shared = pack.shared;
    if (shares) {
        uint32_t bucket = hash(&wanted, sizeof wanted);
        for (; pack.shared[bucket].copy; bucket = (bucket + 1) % BUCKETS) {
            if (memcmp(&pack.shared[bucket].slot, &wanted, sizeof wanted) == 0) {
                pack.packed.slots_shared++;
                return pack.shared[bucket].copy;
            }
        }
        shared += bucket;
    }
    txSlot *copy = keep(&wanted, sizeof wanted, sizeof wanted);
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

/* ---- functions and strings ---- */

/* Lists the functions of the firmware's bytecode. */
static void find_functions(const struct bundle *firmware) {
    for (int pass = 0; pass < 2; pass++) {
        uint32_t count = 0, step;
        for (uint32_t at = 0; at < firmware->code_size; at += step) {
            uint32_t length, size = bytecode_function(firmware->code + at, &length);
            if (size > 0 && pass > 0)
                pack.functions[count] =
                    (struct function){.code = firmware->code + at + size, .length = length};
            count += size > 0;
            step = bytecode_step(firmware->code + at, firmware->code_size - at);
            if (step == 0)
                failure_fatal("preload: the firmware's bytecode is malformed");
        }
        if (pass == 0)
            pack.functions = zeros(count + 1, sizeof *pack.functions);
        pack.function_count = count;
    }
}

/* Code that is there already, or NULL. */
static uint8_t *find_code(const struct function *end) {
    for (const struct function *function = pack.functions; function < end; function++)
        if (function->copy && function->length == end->length &&
            memcmp(function->copy, end->code, end->length) == 0)
            return function->copy;
    return NULL;
}

/* Copies the code of the functions that exist; functions that they make later are inside. */
static void copy_functions(void) {
    const struct function *outer = NULL;
    for (struct function *function = pack.functions; function < pack.functions + pack.function_count;
         function++) {
        bool inside = outer && function->code < outer->code + outer->length;
        if (inside) {
            function->copy = outer->copy + (function->code - outer->code);
        } else if (function->reached) {
            function->copy = find_code(function);
            if (!function->copy) {
                function->copy = keep(function->code, function->length, 1);
                pack.packed.code += function->length;
            }
            outer = function;
        }
    }
}

static txString keep_string(const char *string) {
    size_t size = strlen(string) + 1;
    uint32_t bucket = hash(string, size);
    for (; pack.strings[bucket]; bucket = (bucket + 1) % BUCKETS)
        if (strcmp(pack.strings[bucket], string) == 0)
            return (txString)pack.strings[bucket];
    pack.packed.strings += size;
    pack.strings[bucket] = keep(string, size, 1);
    return (txString)pack.strings[bucket];
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
    return (txChunk *)keep(chunk, (size_t)chunk->size, 8) + 1;
}

/* Copies what a slot has outside itself, and leads its references to copies. */
static void complete(txSlot *slot) {
    struct function *function;
    switch (slot->kind) {
    case XS_ARGUMENTS_SLOPPY_KIND:
    case XS_ARGUMENTS_STRICT_KIND:
    case XS_ARRAY_KIND:
        slot->value.array.address = keep_chunk(slot->value.array.address);
        for (txIndex i = 0; i < item_count(slot); i++)
            complete(&slot->value.array.address[i]);
        return;
    case XS_ARRAY_BUFFER_KIND:
        slot->value.arrayBuffer.address = keep_chunk(slot->value.arrayBuffer.address);
        break;
    case XS_BIGINT_X_KIND:
        slot->value.bigint.data =
            keep(slot->value.bigint.data, slot->value.bigint.size * sizeof *slot->value.bigint.data, 4);
        break;
    case XS_CALLBACK_KIND:
    case XS_CALLBACK_X_KIND:
        check_stays((const void *)slot->value.callback.address);
        break;
    case XS_CODE_X_KIND:
        function = function_of(slot->value.code.address);
        if (function)
            slot->value.code.address = (txByte *)function->copy;
        else
            check_stays(slot->value.code.address);
        break;
    case XS_IDS_KIND:
        slot->value.IDs = keep_chunk(slot->value.IDs);
        break;
    case XS_KEY_X_KIND:
        slot->value.key.string = keep_string(slot->value.key.string);
        break;
    case XS_MAP_KIND:
    case XS_SET_KIND:
        slot->value.table.address = keep_chunk(slot->value.table.address);
        break;
    case XS_REGEXP_KIND:
        slot->value.regexp.code = keep_chunk(slot->value.regexp.code);
        break;
    case XS_STRING_X_KIND:
        slot->value.string = keep_string(slot->value.string);
        break;
    case XS_TYPED_ARRAY_KIND:
        check_stays(slot->value.typedArray.dispatch);
        break;
    default:
        break;
    }
    visit_value(slot, refer);
}

/* A table of slots, some of them missing. */
static txSlot **keep_table(txSlot **table, size_t length) {
    txSlot **copy = keep(table, length * sizeof *table, sizeof *table);
    for (size_t i = 0; i < length; i++)
        refer(&copy[i]);
    return copy;
}

/* What fxCloneMachine reads. */
static void keep_root(txMachine *root, const txMachine *the) {
    size_t depth = (size_t)(the->stackTop - the->stack);
    txSlot *stack = keep(the->stack, depth * sizeof *stack, sizeof(txSlot));
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

static void reach_roots(txMachine *the, txSlot *main, txSlot *natives) {
    reach_reference(&main);
    reach_reference(&natives);
    for (txSlot *slot = the->stack; slot < the->stackTop; slot++)
        visit_value(slot, reach_reference);
    for (txID id = 0; id < the->keyIndex; id++)
        reach_reference(&the->keyArray[id]);
    for (txSize i = 0; i < the->nameModulo; i++)
        reach_reference(&the->nameTable[i]);
    for (txSize i = 0; i < the->symbolModulo; i++)
        reach_reference(&the->symbolTable[i]);
}

struct rom_packed rom_pack(struct rom_header *header, const uint8_t *limit, txMachine *the,
                           const struct bundle *firmware, uint8_t *scratch, size_t size) {
    pack.slots = (txSlot *)scratch;
    pack.slot_count = (uint32_t)(size / sizeof(txSlot));
    pack.reached = zeros(pack.slot_count, sizeof *pack.reached);
    pack.is_reached = zeros(pack.slot_count, sizeof *pack.is_reached);
    pack.is_pinned = zeros(pack.slot_count, sizeof *pack.is_pinned);
    pack.list = zeros(pack.slot_count, sizeof *pack.list);
    pack.copies = zeros(pack.slot_count, sizeof *pack.copies);
    pack.shared = zeros(BUCKETS, sizeof *pack.shared);
    pack.strings = zeros(BUCKETS, sizeof *pack.strings);
    pack.next = (uint8_t *)(header + 1);
    pack.limit = limit;
    find_functions(firmware);
    reach_roots(the, header->main, header->natives);
    reach_all();

    txSlot *slots = (txSlot *)place(0, sizeof(txSlot));
    place_slots();
    copy_functions();
    for (txSlot *slot = slots; slot < slots + pack.packed.slots; slot++)
        complete(slot);
    keep_root(&header->root, the);
    refer(&header->main);
    refer(&header->natives);
    header->firmware = *firmware;
    header->firmware.name = keep_string(firmware->name);
    header->firmware.own = NULL;
    header->firmware.borrowed = header->firmware.code = NULL;
    header->size = (uint32_t)(pack.next - (uint8_t *)header);
    return pack.packed;
}
