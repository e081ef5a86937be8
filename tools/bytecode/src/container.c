#include "compiler.h"

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value);
    put16(at + 2, value >> 16);
}

static void put64(uint8_t *at, uint64_t value) {
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static bool is_borrowed(const struct symbols *symbols, uint16_t id) {
    return id >= symbols->natives_end && id < symbols->base_end;
}

uint8_t *container_build(const struct symbols *symbols, const struct code *code, enum bundle_kind kind,
                         const char *name, uint16_t heap_kb, size_t *size) {
    txMachine *the = symbols->the;
    size_t length = BUNDLE_HEADER_SIZE + strlen(name) + 1;
    size_t own = length;
    for (txID id = symbols->base_end; id < the->keyIndex; id++)
        length += strlen(fxGetKeyName(the, id)) + 1;
    size_t borrowed = length;
    uint32_t borrowed_count = 0;
    for (uint32_t i = 0; i < code->id_count; i++) {
        if (is_borrowed(symbols, code->ids[i])) {
            length += 2 + strlen(fxGetKeyName(the, code->ids[i])) + 1;
            borrowed_count++;
        }
    }
    size_t code_at = (length + 3) & ~(size_t)3;
    length = (code_at + code->size + 3) & ~(size_t)3;

    uint8_t *bytes = allocate(length + BUNDLE_TRAILER_SIZE);
    memcpy(bytes, BUNDLE_MAGIC, 4);
    put16(bytes + 4, BUNDLE_FORMAT);
    bytes[6] = (uint8_t)kind;
    bytes[8] = XS_MAJOR_VERSION;
    bytes[9] = XS_MINOR_VERSION;
    bytes[10] = XS_PATCH_VERSION;
    put32(bytes + 12, (uint32_t)(length + BUNDLE_TRAILER_SIZE));
    put64(bytes + 16, bundle_interface_digest());
    put64(bytes + 24, symbols->base_digest);
    put16(bytes + 40, symbols->base_end);
    put16(bytes + 42, (uint32_t)(the->keyIndex - symbols->base_end));
    put16(bytes + 44, borrowed_count);
    put16(bytes + 46, heap_kb);
    put32(bytes + 48, (uint32_t)own);
    put32(bytes + 52, (uint32_t)borrowed);
    put32(bytes + 56, (uint32_t)code_at);
    put32(bytes + 60, code->size);
    strcpy((char *)bytes + BUNDLE_HEADER_SIZE, name);
    uint64_t digest = symbols->base_digest;
    char *at = (char *)bytes + own;
    for (txID id = symbols->base_end; id < the->keyIndex; id++) {
        strcpy(at, fxGetKeyName(the, id));
        digest = bundle_digest(digest, at, strlen(at) + 1);
        at += strlen(at) + 1;
    }
    put64(bytes + 32, digest);
    for (uint32_t i = 0; i < code->id_count; i++) {
        if (is_borrowed(symbols, code->ids[i])) {
            put16((uint8_t *)at, code->ids[i]);
            strcpy(at + 2, fxGetKeyName(the, code->ids[i]));
            at += 2 + strlen(at + 2) + 1;
        }
    }
    memcpy(bytes + code_at, code->bytes, code->size);
    put32(bytes + length, bundle_crc32(bytes, length));
    *size = length + BUNDLE_TRAILER_SIZE;
    return bytes;
}
