#include "signed_bundle.h"

#include <string.h>

#include "little_endian.h"

enum {
    MAGIC = 0x96f3b83du,
    TLV_MAGIC = 0x6907,
    PROTECTED_MAGIC = 0x6908,
    TLV_KEY_HASH = 0x01,
    TLV_SHA256 = 0x10,
    TLV_ECDSA = 0x22,
    TLV_ED25519 = 0x24,
    TLV_COUNTER = 0x50,
};
#define TLV_INFO_SIZE 4u
#define TLV_ENTRY_SIZE 4u

/* What the TLVs of a file say; zeros for what they leave out. */
struct tlvs {
    const uint8_t *key_hash;
    const uint8_t *sha256;
    const uint8_t *ecdsa;
    const uint8_t *ed25519;
    const uint8_t *counter;
    uint16_t ecdsa_size;
};

/* Takes one entry. False for one that has another length than its type, or that came before. */
static bool take(struct tlvs *tlvs, uint16_t type, const uint8_t *value, uint16_t size, bool is_protected) {
    const uint8_t **place;
    uint16_t wanted = size;
    switch (type) {
    case TLV_KEY_HASH:
        place = &tlvs->key_hash;
        wanted = SIGNED_HASH_SIZE;
        break;
    case TLV_SHA256:
        place = &tlvs->sha256;
        wanted = SIGNED_HASH_SIZE;
        break;
    case TLV_ED25519:
        place = &tlvs->ed25519;
        wanted = 64;
        break;
    case TLV_ECDSA:
        place = &tlvs->ecdsa;
        tlvs->ecdsa_size = size;
        break;
    case TLV_COUNTER:
        place = &tlvs->counter;
        wanted = 4;
        break;
    default:
        /* What is signed may say more than we ask; what is not could be put there by anybody. */
        return is_protected;
    }
    if (is_protected != (type == TLV_COUNTER) || size != wanted || *place)
        return false;
    *place = value;
    return true;
}

/* Reads the area at *at, which ends where it says, and moves *at there. */
static bool read_area(struct tlvs *tlvs, const uint8_t **at, const uint8_t *end, bool is_protected) {
    const uint8_t *start = *at;
    if ((size_t)(end - start) < TLV_INFO_SIZE || get16(start) != (is_protected ? PROTECTED_MAGIC : TLV_MAGIC))
        return false;
    uint16_t total = get16(start + 2);
    if (total < TLV_INFO_SIZE || total > (size_t)(end - start))
        return false;
    const uint8_t *area_end = start + total;
    const uint8_t *entry = start + TLV_INFO_SIZE;
    while (entry < area_end) {
        if ((size_t)(area_end - entry) < TLV_ENTRY_SIZE)
            return false;
        uint16_t size = get16(entry + 2);
        if (size > (size_t)(area_end - entry) - TLV_ENTRY_SIZE)
            return false;
        if (!take(tlvs, get16(entry), entry + TLV_ENTRY_SIZE, size, is_protected))
            return false;
        entry += TLV_ENTRY_SIZE + size;
    }
    *at = area_end;
    return true;
}

static const struct signed_key *find_key(const struct signed_target *target, const uint8_t *hash) {
    for (unsigned i = 0; i < target->key_count; i++)
        if (memcmp(target->keys[i].hash, hash, SIGNED_HASH_SIZE) == 0)
            return &target->keys[i];
    return NULL;
}

/* Header and TLVs. Everything but what the file's own lengths say of it is verified later. */
static const char *read_frame(struct signed_bundle *bundle, const uint8_t *bytes, size_t size,
                              const struct signed_target *target) {
    if (size < SIGNED_HEADER_SIZE || get32(bytes) != MAGIC)
        return "is not a signed bundle; sign it with obscura sign";
    /* Load address, flags and padding: what MCUboot does with them would not be what we do. */
    if (get16(bytes + 8) != SIGNED_HEADER_SIZE || get32(bytes + 4) != 0 || get32(bytes + 16) != 0 ||
        get32(bytes + 28) != 0)
        return "has a header for something else than a camera";
    uint32_t body_size = get32(bytes + 12);
    uint16_t protected_size = get16(bytes + 10);
    if (body_size > size - SIGNED_HEADER_SIZE || protected_size > size - SIGNED_HEADER_SIZE - body_size)
        return "is truncated";
    struct tlvs tlvs = {0};
    const uint8_t *at = bytes + SIGNED_HEADER_SIZE + body_size;
    const uint8_t *signed_end = at + protected_size;
    if (protected_size > 0 && (!read_area(&tlvs, &at, signed_end, true) || at != signed_end))
        return "has malformed protected TLVs";
    if (!read_area(&tlvs, &at, bytes + size, false))
        return "is truncated, or has malformed TLVs";
    if (!tlvs.sha256 || !tlvs.key_hash || (!tlvs.ed25519 && !tlvs.ecdsa))
        return "is not signed";
    if (tlvs.ed25519 && tlvs.ecdsa)
        return "has two signatures";
    bundle->key = find_key(target, tlvs.key_hash);
    if (!bundle->key)
        return "is signed with a key that this camera does not trust";
    bool is_ed25519 = bundle->key->algorithm == SIGNED_ED25519;
    bundle->signature = is_ed25519 ? tlvs.ed25519 : tlvs.ecdsa;
    bundle->signature_size = is_ed25519 ? 64 : tlvs.ecdsa_size;
    if (!bundle->signature)
        return "has a signature of another kind than its key's";
    bundle->length = (uint32_t)(at - bytes);
    bundle->version = bytes + 20;
    bundle->digest = tlvs.sha256;
    bundle->signed_size = (uint32_t)(signed_end - bytes);
    bundle->has_protected_counter = tlvs.counter != NULL;
    bundle->protected_counter = tlvs.counter ? get32(tlvs.counter) : 0;
    return NULL;
}

void signed_check_begin(struct signed_check *check, struct signed_bundle *bundle, const uint8_t *bytes,
                        size_t size, const struct signed_target *target) {
    memset(check, 0, sizeof *check);
    memset(bundle, 0, sizeof *bundle);
    check->target = target;
    check->bundle = bundle;
    check->bytes = bytes;
    check->problem = read_frame(bundle, bytes, size, target);
    mbedtls_sha256_init(&check->sha256);
    if (!check->problem && mbedtls_sha256_starts(&check->sha256, 0) != 0)
        check->problem = "cannot be hashed";
}

static const char *verify(struct signed_check *check) {
    struct signed_bundle *bundle = check->bundle;
    uint8_t hash[SIGNED_HASH_SIZE];
    if (mbedtls_sha256_finish(&check->sha256, hash) != 0)
        return "cannot be hashed";
    if (memcmp(hash, bundle->digest, sizeof hash) != 0)
        return "is damaged (its SHA-256 is another one)";
    if (!signature_verify(bundle->key, bundle->signature, bundle->signature_size, hash))
        return "has a signature that is not its key's";
    uint32_t body_size = get32(check->bytes + 12);
    return signed_manifest_read(bundle, check->bytes + SIGNED_HEADER_SIZE, body_size, check->target);
}

bool signed_check_step(struct signed_check *check, uint32_t most) {
    if (check->problem || check->is_hashed)
        return true;
    uint32_t left = check->bundle->signed_size - check->hashed;
    if (left == 0) {
        check->problem = verify(check);
        check->is_hashed = true;
        return true;
    }
    uint32_t length = left < most ? left : most;
    if (mbedtls_sha256_update(&check->sha256, check->bytes + check->hashed, length) != 0)
        check->problem = "cannot be hashed";
    check->hashed += length;
    return false;
}

const char *signed_check_problem(const struct signed_check *check) {
    return check->problem;
}

const char *signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes, size_t size,
                               const struct signed_target *target) {
    struct signed_check check;
    signed_check_begin(&check, bundle, bytes, size, target);
    while (!signed_check_step(&check, UINT32_MAX))
        ;
    return signed_check_problem(&check);
}
