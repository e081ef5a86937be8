/* lines.h: what the drivers of the verifier and of the slots share: a camera's keys, and bytes as hexadecimal
 * digits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psa/crypto.h>

#include "signed_bundle.h"

#define FILE_MAX 300000
#define KEYS_MAX 4

static struct signed_key keys[KEYS_MAX];
static char board[40];
static struct signed_target target = {
    .board = board,
    .engine = {1, 2, 3},
    .interface_digest = {1, 2, 3, 4, 5, 6, 7, 8},
    .keys = keys,
};

static size_t from_hex(const char *text, uint8_t *bytes, size_t most) {
    size_t size = 0;
    unsigned byte;
    while (size < most && sscanf(text + 2 * size, "%2x", &byte) == 1)
        bytes[size++] = (uint8_t)byte;
    return size;
}

/* A copy in memory of exactly its size, so that a sanitizer sees what reads beyond. */
static inline uint8_t *exact(const uint8_t *bytes, size_t size) {
    void *copy;
    if (posix_memalign(&copy, SIGNED_ALIGNMENT, size ? size : 1) != 0)
        abort();
    memcpy(copy, bytes, size);
    return copy;
}

static struct signed_key root;

static void set_key(struct signed_key *key, const char *kind, const char *hash, const char *bytes) {
    key->algorithm = strcmp(kind, "ed25519") == 0 ? SIGNED_ED25519 : SIGNED_ECDSA_P256;
    from_hex(hash, key->hash, sizeof key->hash);
    from_hex(bytes, key->bytes, sizeof key->bytes);
}

/* Takes "board NAME", "key ed25519|ecdsa HASH BYTES", and the same for "root". */
static bool take_target_line(const char *line) {
    char kind[16], hash[80], bytes[140];
    if (sscanf(line, "board %39s", board) == 1)
        return true;
    if (sscanf(line, "root %15s %79s %139s", kind, hash, bytes) == 3) {
        set_key(&root, kind, hash, bytes);
        target.root = &root;
        return true;
    }
    if (sscanf(line, "key %15s %79s %139s", kind, hash, bytes) != 3 || target.key_count == KEYS_MAX)
        return false;
    set_key(&keys[target.key_count++], kind, hash, bytes);
    return true;
}

/* p256-m's own, which nothing here calls. */
psa_status_t psa_generate_random(uint8_t *output, size_t output_size) {
    (void)output;
    (void)output_size;
    return PSA_ERROR_INSUFFICIENT_ENTROPY;
}
