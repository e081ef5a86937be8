#include "bundle.h"

#include <string.h>

#include "native_table.h"
#include "xsAll.h"

uint16_t bundle_get16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t bundle_get32(const uint8_t *at) {
    return (uint32_t)bundle_get16(at) | (uint32_t)bundle_get16(at + 2) << 16;
}

uint64_t bundle_get64(const uint8_t *at) {
    return (uint64_t)bundle_get32(at) | (uint64_t)bundle_get32(at + 4) << 32;
}

uint64_t bundle_digest(uint64_t digest, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length--)
        digest = (digest ^ *at++) * UINT64_C(0x100000001b3);
    return digest;
}

uint64_t bundle_interface_digest(void) {
#define NATIVE(NAME, COUNT) #NAME "/" #COUNT "\n"
    static const char text[] = NATIVE_TABLE(NATIVE);
#undef NATIVE
    const uint8_t version[] = {XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, BUNDLE_FORMAT};
    uint64_t digest = bundle_digest(BUNDLE_DIGEST_START, version, sizeof version);
    return bundle_digest(digest, text, sizeof text - 1);
}

uint32_t bundle_crc32(const void *bytes, size_t length) {
    /* Four bits at a time: a table of 64 bytes instead of 1024. */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = bytes;
    uint32_t crc = 0xffffffff;
    while (length--) {
        crc ^= *at++;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

const uint8_t *bundle_borrowed(const uint8_t *entry, uint16_t *id, const char **name) {
    *id = bundle_get16(entry);
    *name = (const char *)(entry + 2);
    return entry + 2 + strlen(*name) + 1;
}

/* The first byte after `count` entries of `prefix` bytes and a name each, or NULL when that passes `end`. */
static const uint8_t *skip_names(const uint8_t *at, const uint8_t *end, uint32_t count, size_t prefix) {
    while (count--) {
        if ((size_t)(end - at) <= prefix)
            return NULL;
        at = memchr(at + prefix, 0, (size_t)(end - at) - prefix);
        if (!at)
            return NULL;
        at++;
    }
    return at;
}

/* NULL when the container's own length is right. */
static const char *check_length(const uint8_t *start, size_t size) {
    if (size < BUNDLE_HEADER_SIZE + BUNDLE_TRAILER_SIZE || memcmp(start, BUNDLE_MAGIC, 4) != 0)
        return "is not an Obscura bundle";
    if (bundle_get16(start + 4) != BUNDLE_FORMAT)
        return "was made by another version of the bytecode compiler (container format); build it again";
    uint32_t length = bundle_get32(start + 12);
    if (length > size || length < BUNDLE_HEADER_SIZE + BUNDLE_TRAILER_SIZE)
        return "is truncated";
    return NULL;
}

const char *bundle_open(struct bundle *bundle, const void *bytes, size_t size) {
    const uint8_t *start = bytes;
    const char *why = check_length(start, size);
    if (why)
        return why;
    uint32_t before_crc = bundle_get32(start + 12) - BUNDLE_TRAILER_SIZE;
    if (bundle_crc32(start, before_crc) != bundle_get32(start + before_crc))
        return "is damaged (CRC mismatch)";
    return bundle_read(bundle, bytes, size);
}

const char *bundle_read(struct bundle *bundle, const void *bytes, size_t size) {
    const uint8_t *start = bytes;
    const char *why = check_length(start, size);
    if (why)
        return why;
    uint32_t length = bundle_get32(start + 12);
    const uint8_t *end = start + length - BUNDLE_TRAILER_SIZE;
    if (start[8] != XS_MAJOR_VERSION || start[9] != XS_MINOR_VERSION || start[10] != XS_PATCH_VERSION)
        return "was compiled for another version of the XS engine; build it again";
    if (bundle_get64(start + 16) != bundle_interface_digest())
        return "was compiled for another native interface; build it again with this firmware";

    uint32_t own = bundle_get32(start + 48);
    uint32_t borrowed = bundle_get32(start + 52);
    uint32_t code = bundle_get32(start + 56);
    uint32_t code_size = bundle_get32(start + 60);
    uint32_t limit = length - BUNDLE_TRAILER_SIZE;
    if (start[6] > BUNDLE_APPLICATION || own > limit || borrowed > limit || code > limit ||
        code_size > limit - code || (code & 3) || code_size == 0)
        return "is malformed";
    bundle->own_count = bundle_get16(start + 42);
    bundle->borrowed_count = bundle_get16(start + 44);
    if (!skip_names(start + BUNDLE_HEADER_SIZE, end, 1, 0) ||
        !skip_names(start + own, end, bundle->own_count, 0) ||
        !skip_names(start + borrowed, end, bundle->borrowed_count, 2))
        return "is malformed";
    bundle->heap_kb = bundle_get16(start + 46);
    bundle->kind = start[6];
    bundle->length = length;
    bundle->id = bundle_get32(end);
    bundle->interface_digest = bundle_get64(start + 16);
    bundle->base_digest = bundle_get64(start + 24);
    bundle->symbols_digest = bundle_get64(start + 32);
    bundle->first_id = bundle_get16(start + 40);
    bundle->name = (const char *)start + BUNDLE_HEADER_SIZE;
    bundle->own = (const char *)start + own;
    bundle->borrowed = start + borrowed;
    bundle->code = start + code;
    bundle->code_size = code_size;
    return NULL;
}
