/*
 * random.c: a generator seeded by the host, because this machine has no entropy of its own.
 *
 * The seed is the key and the first counter of AES-128 in counter mode, with fast key erasure: each request
 * runs on a key and a counter of its own, and ends with the next ones, so that what was handed out cannot be
 * computed from the state afterwards. The start count is mixed into the seed: a restart with the same seed
 * does not repeat itself. Two machines with the same seed do; giving each its own is the host's duty, and
 * giving the same one twice is how a test makes a run repeatable.
 */
#include "aes_counter.h"
#include "hex.h"
#include "internal.h"
#include <mbedtls/platform_util.h>
#include <string.h>

static struct {
    uint8_t key[AES_COUNTER_KEY_SIZE];
    uint8_t counter[AES_COUNTER_BLOCK_SIZE];
} state;
static bool seeded;

bool random_seed(const char *seed) {
    if (!hex_parse(seed, (uint8_t *)&state, sizeof state))
        return false;
    uint32_t count = reset_count();
    for (size_t i = 0; i < sizeof count; i++)
        state.counter[i] ^= (uint8_t)(count >> 8 * i);
    seeded = true;
    return true;
}

bool port_random(void *bytes, size_t length) {
    uint8_t next[sizeof state];

    if (!seeded || !aes_counter_stream(state.key, state.counter, bytes, length) ||
        !aes_counter_stream(state.key, state.counter, next, sizeof next))
        return false;
    memcpy(&state, next, sizeof state);
    mbedtls_platform_zeroize(next, sizeof next);
    return true;
}
