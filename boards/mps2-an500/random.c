/*
 * random.c: a generator seeded by the host, because this machine has no entropy of its own.
 *
 * ChaCha20 with fast key erasure: each request runs on a key of its own, whose first block becomes the next
 * key, so that what was handed out cannot be computed from the state afterwards. The start count is the
 * nonce: a restart with the same seed does not repeat itself. Two machines with the same seed do; giving each
 * its own is the host's duty, and giving the same one twice is how a test makes a run repeatable.
 */
#include "internal.h"
#include "chacha20.h"
#include "hex.h"
#include <string.h>

static uint8_t key[CHACHA20_KEY_SIZE];
static uint8_t nonce[CHACHA20_NONCE_SIZE];
static bool seeded;

bool random_seed(const char *seed) {
    if (!hex_parse(seed, key, sizeof key))
        return false;
    uint32_t count = reset_count();
    memcpy(nonce, &count, sizeof count);
    seeded = true;
    return true;
}

bool port_random(void *bytes, size_t length) {
    uint8_t block[CHACHA20_BLOCK_SIZE];
    uint8_t next[CHACHA20_KEY_SIZE];
    uint8_t *at = bytes;

    if (!seeded)
        return false;
    chacha20_block(key, 0, nonce, block);
    memcpy(next, block, sizeof next);
    for (uint32_t counter = 1; length; counter++) {
        size_t part = length < sizeof block ? length : sizeof block;
        chacha20_block(key, counter, nonce, block);
        memcpy(at, block, part);
        at += part;
        length -= part;
    }
    memcpy(key, next, sizeof key);
    return true;
}
