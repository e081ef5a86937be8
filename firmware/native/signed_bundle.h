/*
 * signed_bundle.h: a bundle as clients of MCUmgr upload it: MCUboot's header and TLVs around a manifest in
 * CBOR and the application's container (bundle.h). docs/update.md describes the file. Everything is read in
 * place, and nothing of the body is looked at before its signature has been verified.
 *
 * Knows neither the engine nor the board: what fits this camera is an argument. What is wrong with a bundle
 * is a refusal whose text is the end of a sentence that begins with the bundle; NULL when nothing is.
 */
#ifndef OBSCURA_SIGNED_BUNDLE_H
#define OBSCURA_SIGNED_BUNDLE_H

#include <mbedtls/sha256.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refusal.h"

#define SIGNED_HEADER_SIZE 32
#define SIGNED_HASH_SIZE 32
/* Bytes for one step of a verification that the radio does not notice: 0.7 million instructions. */
#define SIGNED_STEP_SIZE 16384
/* The container begins at a multiple of this, counted from the file's start. */
#define SIGNED_ALIGNMENT 16

enum signed_algorithm { SIGNED_ED25519, SIGNED_ECDSA_P256 };

/* A public key that this camera trusts. */
struct signed_key {
    enum signed_algorithm algorithm;
    uint8_t hash[SIGNED_HASH_SIZE]; /* SHA-256 of its SubjectPublicKeyInfo */
    uint8_t bytes[64];              /* 32 of Ed25519; x and y of P-256, big-endian */
};

/* What a bundle must fit. */
struct signed_target {
    const char *board;
    uint8_t engine[3];
    uint8_t interface_digest[8];
    const struct signed_key *keys;
    unsigned key_count;
    const struct signed_key *root; /* NULL, or the key whose files are revocations of keys and nothing else */
    /* NULL, or whether the key of this hash has been revoked. */
    bool (*is_revoked)(const uint8_t hash[SIGNED_HASH_SIZE]);
    /* NULL, or what looks at the container once its signature has been verified. */
    const struct refusal *(*accepts)(const uint8_t *container, size_t size);
};

/* A whole bundle. Pointers point into it. */
struct signed_bundle {
    uint32_t length;        /* of the file: header, body, TLVs */
    const uint8_t *version; /* 8 bytes of the header: major, minor, revision, build */
    const uint8_t *digest;  /* SHA-256 of header, body and protected TLVs: what clients call its hash */
    const struct signed_key *key;
    uint32_t counter;         /* security counter */
    const uint8_t *container; /* the application's; NULL in a revocation */
    uint32_t container_size;
    const uint8_t *revoked; /* NULL, or the hash of the key that a revocation takes back */
    /* For the verification. */
    uint32_t body_size;
    uint32_t signed_size;
    const uint8_t *key_hash;
    const uint8_t *ed25519; /* signature; NULL: there is none of the kind */
    const uint8_t *ecdsa;
    uint16_t ecdsa_size;
    bool has_protected_counter;
    uint32_t protected_counter;
};

/* ---- signed_frame.c ---- */

/*
 * Reads header and TLVs of the file at bytes[0..size); `size` may be larger than the file. What it fills into
 * *bundle is what the file says of itself: nothing has been verified.
 */
const struct refusal *signed_frame_read(struct signed_bundle *bundle, const uint8_t *bytes, size_t size);

/* ---- signed_bundle.c ---- */

/* How far a verification is. Its memory is the caller's; it holds nothing that must be given back. */
struct signed_check {
    const struct signed_target *target;
    struct signed_bundle *bundle;
    const uint8_t *bytes;
    uint32_t hashed;
    bool has_ended;
    const struct refusal *problem;
    mbedtls_sha256_context sha256;
    uint8_t digest[SIGNED_HASH_SIZE];
    bool has_file_hash;
    uint8_t file_hash[SIGNED_HASH_SIZE]; /* SHA-256 of the whole file, its TLVs too */
};

/*
 * Begins to verify the bundle at bytes[0..size), which stay as they are until the end; `size` may be larger
 * than the file. Reads header and TLVs. `bytes` are a multiple of SIGNED_ALIGNMENT. What it fills into
 * *bundle counts only once the verification has ended without a problem.
 */
void signed_check_begin(struct signed_check *check, struct signed_bundle *bundle, const uint8_t *bytes,
                        size_t size, const struct signed_target *target);

/*
 * Goes on: hashes at most `most` bytes, or verifies the signature (1.7 million instructions of a Cortex-M7
 * for Ed25519, several times that for P-256) and reads the manifest. True when it has ended.
 */
bool signed_check_step(struct signed_check *check, uint32_t most);

/* Of a verification that has ended. */
const struct refusal *signed_check_problem(const struct signed_check *check);

/* All at once. */
const struct refusal *signed_bundle_open(struct signed_bundle *bundle, const uint8_t *bytes, size_t size,
                                         const struct signed_target *target);

/* ---- signed_manifest.c ---- */

/* Reads the manifest at body[0..size), which has been verified, and finds the container behind it. */
const struct refusal *signed_manifest_read(struct signed_bundle *bundle, const uint8_t *body, uint32_t size,
                                           const struct signed_target *target);

/* Reads the manifest of a revocation, which says which key it takes back. */
const struct refusal *signed_revocation_read(struct signed_bundle *bundle, const uint8_t *body,
                                             uint32_t size);

/* ---- signature.c ---- */

/* Whether `signature` is the key's signature of a SHA-256. */
bool signature_verify(const struct signed_key *key, const uint8_t *signature, size_t size,
                      const uint8_t hash[SIGNED_HASH_SIZE]);

#endif
