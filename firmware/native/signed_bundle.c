/* signed_bundle.c: the verification of a signed bundle, in steps: its hash, its signature, its manifest. */
#include "signed_bundle.h"

#include <string.h>

REFUSAL(unknown_key, "unknown-key", "is signed with a key that this camera does not trust");
REFUSAL(revoked_key, "revoked-key", "is signed with a key that has been revoked");
REFUSAL(other_kind, "bad-signature", "has a signature of another kind than its key's");
REFUSAL(not_hashed, "damaged", "cannot be hashed");
REFUSAL(damaged, "damaged", "is damaged (its SHA-256 is another one)");
REFUSAL(bad_signature, "bad-signature", "has a signature that is not its key's");

static bool has_hash(const struct signed_key *key, const uint8_t *hash) {
    return memcmp(key->hash, hash, SIGNED_HASH_SIZE) == 0;
}

static const struct signed_key *find_key(const struct signed_target *target, const uint8_t *hash) {
    if (target->root && has_hash(target->root, hash))
        return target->root;
    for (unsigned i = 0; i < target->key_count; i++)
        if (has_hash(&target->keys[i], hash))
            return &target->keys[i];
    return NULL;
}

static const struct refusal *choose_key(struct signed_bundle *bundle, const struct signed_target *target) {
    const struct signed_key *key = find_key(target, bundle->key_hash);
    if (!key)
        return &unknown_key;
    if (key != target->root && target->is_revoked && target->is_revoked(key->hash))
        return &revoked_key;
    if (!(key->algorithm == SIGNED_ED25519 ? bundle->ed25519 : bundle->ecdsa))
        return &other_kind;
    bundle->key = key;
    return NULL;
}

void signed_check_begin(struct signed_check *check, struct signed_bundle *bundle, const uint8_t *bytes,
                        size_t size, const struct signed_target *target) {
    memset(check, 0, sizeof *check);
    check->target = target;
    check->bundle = bundle;
    check->bytes = bytes;
    check->problem = signed_frame_read(bundle, bytes, size);
    check->has_ended = check->problem != NULL;
    if (check->problem)
        return;
    /* Whose it is can be told at once; what it is, its hash says, also of a bundle that is refused. */
    check->problem = choose_key(bundle, target);
    mbedtls_sha256_init(&check->sha256);
    if (mbedtls_sha256_starts(&check->sha256, 0) != 0) {
        check->problem = &not_hashed;
        check->has_ended = true;
    }
}

static const struct refusal *verify(struct signed_check *check) {
    struct signed_bundle *bundle = check->bundle;
    if (memcmp(check->digest, bundle->digest, SIGNED_HASH_SIZE) != 0)
        return &damaged;
    if (check->problem)
        return check->problem;
    bool is_ed25519 = bundle->key->algorithm == SIGNED_ED25519;
    if (!signature_verify(bundle->key, is_ed25519 ? bundle->ed25519 : bundle->ecdsa,
                          is_ed25519 ? 64 : bundle->ecdsa_size, check->digest))
        return &bad_signature;
    const uint8_t *body = check->bytes + SIGNED_HEADER_SIZE;
    if (bundle->key == check->target->root)
        return signed_revocation_read(bundle, body, bundle->body_size);
    return signed_manifest_read(bundle, body, bundle->body_size, check->target);
}

/* The hash of what is signed, and of the whole file: a few hundred bytes more (signed_frame.c). */
static bool finish_hashes(struct signed_check *check) {
    const struct signed_bundle *bundle = check->bundle;
    mbedtls_sha256_context whole;
    mbedtls_sha256_init(&whole);
    mbedtls_sha256_clone(&whole, &check->sha256);
    bool done = mbedtls_sha256_finish(&check->sha256, check->digest) == 0;
    check->has_file_hash = mbedtls_sha256_update(&whole, check->bytes + bundle->signed_size,
                                                 bundle->length - bundle->signed_size) == 0 &&
                           mbedtls_sha256_finish(&whole, check->file_hash) == 0;
    mbedtls_sha256_free(&whole);
    return done;
}

bool signed_check_step(struct signed_check *check, uint32_t most) {
    if (check->has_ended)
        return true;
    uint32_t left = check->bundle->signed_size - check->hashed;
    if (left == 0) {
        check->problem = finish_hashes(check) ? verify(check) : &not_hashed;
        check->has_ended = true;
        return true;
    }
    uint32_t length = left < most ? left : most;
    if (mbedtls_sha256_update(&check->sha256, check->bytes + check->hashed, length) != 0) {
        check->problem = &not_hashed;
        check->has_ended = true;
    }
    check->hashed += length;
    return check->has_ended;
}

const struct refusal *signed_check_problem(const struct signed_check *check) {
    return check->problem;
}

const struct refusal *signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes, size_t size,
                                         const struct signed_target *target) {
    struct signed_check check;
    signed_check_begin(&check, bundle, bytes, size, target);
    /* A key that is not trusted needs no hash to be refused. */
    if (check.problem)
        return check.problem;
    while (!signed_check_step(&check, UINT32_MAX))
        ;
    return signed_check_problem(&check);
}
