/*
 * signed_frame.c: header and TLVs of a signed bundle: what the file says of itself, before anything is
 * verified.
 */
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
/* Two numbers of 33 bytes, and what DER puts around them. With it, TLVs are a few hundred bytes at most. */
#define ECDSA_SIZE_MAX 72u

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
        if (size > ECDSA_SIZE_MAX)
            return false;
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

REFUSAL(not_a_bundle, "not-a-bundle", "is not a signed bundle; sign it with obscura sign");
REFUSAL(other_header, "not-a-bundle", "has a header for something else than a camera");
REFUSAL(truncated, "truncated", "is truncated");
REFUSAL(bad_protected_tlvs, "malformed", "has malformed protected TLVs");
REFUSAL(bad_tlvs, "malformed", "is truncated, or has malformed TLVs");
REFUSAL(not_signed, "not-signed", "is not signed");
REFUSAL(two_signatures, "malformed", "has two signatures");

const struct refusal *signed_frame_read(struct signed_bundle *bundle, const uint8_t *bytes, size_t size) {
    memset(bundle, 0, sizeof *bundle);
    if (size < SIGNED_HEADER_SIZE || get32(bytes) != MAGIC)
        return &not_a_bundle;
    /* Load address, flags and padding: what MCUboot does with them would not be what we do. */
    if (get16(bytes + 8) != SIGNED_HEADER_SIZE || get32(bytes + 4) != 0 || get32(bytes + 16) != 0 ||
        get32(bytes + 28) != 0)
        return &other_header;
    uint32_t body_size = get32(bytes + 12);
    uint16_t protected_size = get16(bytes + 10);
    if (body_size > size - SIGNED_HEADER_SIZE || protected_size > size - SIGNED_HEADER_SIZE - body_size)
        return &truncated;
    struct tlvs tlvs = {0};
    const uint8_t *at = bytes + SIGNED_HEADER_SIZE + body_size;
    const uint8_t *signed_end = at + protected_size;
    if (protected_size > 0 && (!read_area(&tlvs, &at, signed_end, true) || at != signed_end))
        return &bad_protected_tlvs;
    if (!read_area(&tlvs, &at, bytes + size, false))
        return &bad_tlvs;
    if (!tlvs.sha256 || !tlvs.key_hash || (!tlvs.ed25519 && !tlvs.ecdsa))
        return &not_signed;
    if (tlvs.ed25519 && tlvs.ecdsa)
        return &two_signatures;
    bundle->length = (uint32_t)(at - bytes);
    bundle->version = bytes + 20;
    bundle->digest = tlvs.sha256;
    bundle->body_size = body_size;
    bundle->signed_size = (uint32_t)(signed_end - bytes);
    bundle->key_hash = tlvs.key_hash;
    bundle->ed25519 = tlvs.ed25519;
    bundle->ecdsa = tlvs.ecdsa;
    bundle->ecdsa_size = tlvs.ecdsa_size;
    bundle->has_protected_counter = tlvs.counter != NULL;
    bundle->protected_counter = tlvs.counter ? get32(tlvs.counter) : 0;
    return NULL;
}
