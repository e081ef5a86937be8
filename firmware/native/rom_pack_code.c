/* rom_pack_code.c: packs the code of functions, and strings: each once. */
#include "bytecode.h"
#include "heap.h"
#include "rom_pack.h"

static uint8_t *end; /* of what is packed */
static const uint8_t *end_limit;
static const char **strings;
static struct pack_function *functions; /* in the order of their code */
static uint32_t function_count;
static unsigned code_size;
static unsigned strings_size;

void pack_begin(void *start, const uint8_t *limit) {
    end = start;
    end_limit = limit;
    strings = pack_zeros(PACK_BUCKETS, sizeof *strings);
}

void *pack_zeros(size_t count, size_t size) {
    return heap_scratch(count * size);
}

uint8_t *pack_place(size_t size, size_t alignment) {
    uint8_t *at = (uint8_t *)(((uintptr_t)end + alignment - 1) & ~(uintptr_t)(alignment - 1));
    if (at > end_limit || (size_t)(end_limit - at) < size)
        failure_fatal("preload: the machine does not fit into its region");
    end = at + size;
    return at;
}

void *pack_keep(const void *bytes, size_t size, size_t alignment) {
    return memcpy(pack_place(size, alignment), bytes, size);
}

uint32_t pack_hash(const void *bytes, size_t size) {
    uint64_t digest = bundle_digest(BUNDLE_DIGEST_START, bytes, size);
    return (uint32_t)(digest ^ digest >> 32) % PACK_BUCKETS;
}

void pack_check_stays(const void *pointer) {
    const struct port_rom *region = port_rom();
    const uint8_t *leaves = region->leaves;
    if ((const uint8_t *)pointer >= leaves && (const uint8_t *)pointer < leaves + region->leaves_size)
        failure_fatal("preload: the machine needs code at %p that leaves the image: change the linker script",
                      pointer);
}

txString pack_keep_string(const char *string) {
    size_t size = strlen(string) + 1;
    uint32_t bucket = pack_hash(string, size);
    for (; strings[bucket]; bucket = (bucket + 1) % PACK_BUCKETS)
        if (strcmp(strings[bucket], string) == 0)
            return (txString)strings[bucket];
    strings_size += size;
    strings[bucket] = pack_keep(string, size, 1);
    return (txString)strings[bucket];
}

unsigned pack_code_size(void) {
    return code_size;
}

unsigned pack_strings_size(void) {
    return strings_size;
}

/* The size of the instruction at code[0..left). */
static uint32_t step(const uint8_t *code, uint32_t left) {
    uint32_t size = bytecode_step(code, left);
    if (size == 0)
        failure_fatal("preload: the firmware's bytecode is malformed");
    return size;
}

void pack_find_functions(const struct bundle *firmware) {
    for (int pass = 0; pass < 2; pass++) {
        uint32_t count = 0;
        for (uint32_t at = 0; at < firmware->code_size;
             at += step(firmware->code + at, firmware->code_size - at)) {
            uint32_t length, size = bytecode_function(firmware->code + at, &length);
            if (size > 0 && pass > 0)
                functions[count] =
                    (struct pack_function){.code = firmware->code + at + size, .length = length};
            count += size > 0;
        }
        if (pass == 0)
            functions = pack_zeros(count + 1, sizeof *functions);
        function_count = count;
    }
}

struct pack_function *pack_function(const txByte *address) {
    const uint8_t *code = (const uint8_t *)address;
    uint32_t low = 0, high = function_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (functions[middle].code <= code)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && code == functions[low - 1].code ? &functions[low - 1] : NULL;
}

bool pack_says_super(const struct pack_function *function) {
    for (uint32_t at = 0; at < function->length; at += step(function->code + at, function->length - at)) {
        switch (function->code[at]) {
        case XS_CODE_DELETE_SUPER:
        case XS_CODE_DELETE_SUPER_AT:
        case XS_CODE_GET_SUPER:
        case XS_CODE_GET_SUPER_AT:
        case XS_CODE_SET_SUPER:
        case XS_CODE_SET_SUPER_AT:
        case XS_CODE_SUPER:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* Code that is there already, or NULL. */
static uint8_t *find_code(const struct pack_function *wanted) {
    for (const struct pack_function *function = functions; function < wanted; function++)
        if (function->copy && function->length == wanted->length &&
            memcmp(function->copy, wanted->code, wanted->length) == 0)
            return function->copy;
    return NULL;
}

/* The functions that a function makes later are inside its code. */
void pack_copy_functions(void) {
    const struct pack_function *outer = NULL;
    for (struct pack_function *function = functions; function < functions + function_count; function++) {
        bool inside = outer && function->code < outer->code + outer->length;
        if (inside) {
            function->copy = outer->copy + (function->code - outer->code);
        } else if (function->reached) {
            function->copy = find_code(function);
            if (!function->copy) {
                function->copy = pack_keep(function->code, function->length, 1);
                code_size += function->length;
            }
            outer = function;
        }
    }
}

void pack_list_functions(const struct bundle *firmware, const uint8_t *start) {
    const struct pack_function *outer = NULL;
    for (struct pack_function *function = functions; function < functions + function_count; function++) {
        if (!function->copy || (outer && function->code < outer->code + outer->length))
            continue;
        outer = function;
        console_line(CONSOLE_DEBUG, "function %u %u %u", (unsigned)(function->copy - start),
                     (unsigned)(function->code - firmware->code), (unsigned)function->length);
    }
}
