/*
 * signed_manifest.c: the manifest at the start of a signed bundle's body, a map in CBOR of the deterministic
 * encoding (RFC 8949, 4.2): heads are the shortest ones, lengths are definite. Only the five kinds of value
 * that a manifest has are read, so this is no decoder of CBOR, and needs no memory.
 */
#include <string.h>

#include "signed_bundle.h"

enum { FORMAT = 1 };
enum major { CBOR_UNSIGNED, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP };

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

/* The head of one item of this kind, with an argument of at most 32 bits in its shortest form. */
static bool read_head(struct reader *reader, enum major major, uint32_t *argument) {
    if (reader->at == reader->end || reader->at[0] >> 5 != (int)major)
        return false;
    unsigned additional = *reader->at++ & 31;
    if (additional < 24) {
        *argument = additional;
        return true;
    }
    if (additional > 26)
        return false;
    unsigned size = 1u << (additional - 24);
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | *reader->at++;
    *argument = value;
    static const uint32_t least[] = {24, 0x100, 0x10000};
    return value >= least[additional - 24];
}

/* A byte string or a text. */
static bool read_string(struct reader *reader, enum major major, const uint8_t **bytes, uint32_t *size) {
    if (!read_head(reader, major, size) || *size > (size_t)(reader->end - reader->at))
        return false;
    *bytes = reader->at;
    reader->at += *size;
    return true;
}

static bool is_text(const uint8_t *bytes, uint32_t size, const char *text) {
    return size == strlen(text) && memcmp(bytes, text, size) == 0;
}

enum field { FIELD_BOARD, FIELD_ENGINE, FIELD_FORMAT, FIELD_COUNTER, FIELD_INTERFACE, FIELDS };
static const char *const names[FIELDS] = {"board", "engine", "format", "counter", "interface"};

static bool read_engine(struct reader *reader, uint32_t engine[3]) {
    uint32_t count;
    if (!read_head(reader, CBOR_ARRAY, &count) || count != 3)
        return false;
    for (unsigned i = 0; i < 3; i++)
        if (!read_head(reader, CBOR_UNSIGNED, &engine[i]))
            return false;
    return true;
}

REFUSAL(malformed, "malformed", "has a malformed manifest");
REFUSAL(newer, "wrong-interface",
        "has a manifest that this firmware does not know; build it with this firmware's tools");
REFUSAL(other_board, "wrong-board", "is for another board; build it for this one (--board)");
REFUSAL(other_engine, "wrong-engine", "was compiled for another version of the XS engine; build it again");
REFUSAL(other_interface, "wrong-interface",
        "was compiled for another native interface; build it again with this firmware");
REFUSAL(two_counters, "malformed", "has two security counters that differ");
REFUSAL(no_revocation, "bad-signature", "is signed with the root key, which signs revocations only");

const struct refusal *signed_manifest_read(struct signed_bundle *bundle, const uint8_t *body, uint32_t size,
                                           const struct signed_target *target) {
    struct reader reader = {body, body + size};
    uint32_t entries, format = 0, engine[3], board_size = 0, interface_size = 0;
    const uint8_t *board = NULL, *interface_digest = NULL;
    unsigned seen = 0;
    if (!read_head(&reader, CBOR_MAP, &entries))
        return &malformed;
    while (entries--) {
        const uint8_t *name;
        uint32_t name_size;
        if (!read_string(&reader, CBOR_TEXT, &name, &name_size))
            return &malformed;
        unsigned field = 0;
        while (field < FIELDS && !is_text(name, name_size, names[field]))
            field++;
        if (field == FIELDS)
            return &newer;
        if (seen & 1u << field)
            return &malformed;
        seen |= 1u << field;
        bool is_read = field == FIELD_BOARD    ? read_string(&reader, CBOR_TEXT, &board, &board_size)
                       : field == FIELD_ENGINE ? read_engine(&reader, engine)
                       : field == FIELD_FORMAT ? read_head(&reader, CBOR_UNSIGNED, &format)
                       : field == FIELD_COUNTER
                           ? read_head(&reader, CBOR_UNSIGNED, &bundle->counter)
                           : read_string(&reader, CBOR_BYTES, &interface_digest, &interface_size);
        if (!is_read)
            return &malformed;
    }
    if (seen != (1u << FIELDS) - 1)
        return &malformed;
    if (format != FORMAT)
        return &newer;
    if (!is_text(board, board_size, target->board))
        return &other_board;
    for (unsigned i = 0; i < 3; i++)
        if (engine[i] != target->engine[i])
            return &other_engine;
    if (interface_size != sizeof target->interface_digest ||
        memcmp(interface_digest, target->interface_digest, interface_size) != 0)
        return &other_interface;
    if (bundle->has_protected_counter && bundle->protected_counter != bundle->counter)
        return &two_counters;
    uint32_t used = (uint32_t)(reader.at - body);
    uint32_t start = (used + SIGNED_ALIGNMENT - 1) & ~(uint32_t)(SIGNED_ALIGNMENT - 1);
    if (start >= size)
        return &malformed;
    bundle->container = body + start;
    bundle->container_size = size - start;
    return target->accepts ? target->accepts(bundle->container, bundle->container_size) : NULL;
}

const struct refusal *signed_revocation_read(struct signed_bundle *bundle, const uint8_t *body,
                                             uint32_t size) {
    struct reader reader = {body, body + size};
    const uint8_t *name;
    uint32_t entries, name_size, format, hash_size;
    if (!read_head(&reader, CBOR_MAP, &entries) || entries != 2 ||
        !read_string(&reader, CBOR_TEXT, &name, &name_size) || !is_text(name, name_size, "format") ||
        !read_head(&reader, CBOR_UNSIGNED, &format) || format != FORMAT ||
        !read_string(&reader, CBOR_TEXT, &name, &name_size) || !is_text(name, name_size, "revoke") ||
        !read_string(&reader, CBOR_BYTES, &bundle->revoked, &hash_size) || hash_size != SIGNED_HASH_SIZE) {
        bundle->revoked = NULL;
        return &no_revocation;
    }
    return NULL;
}
