/* aes_counter.c: counter mode on the block cipher of Mbed TLS (docs/decisions/0005-cryptography.md). */
#include "aes_counter.h"
#include <mbedtls/aes.h>
#include <mbedtls/platform_util.h>
#include <string.h>

static void increment(uint8_t counter[AES_COUNTER_BLOCK_SIZE]) {
    for (int i = AES_COUNTER_BLOCK_SIZE; i-- > 0;)
        if (++counter[i] != 0)
            return;
}

bool aes_counter_stream(const uint8_t key[AES_COUNTER_KEY_SIZE], uint8_t counter[AES_COUNTER_BLOCK_SIZE],
                        uint8_t *bytes, size_t length) {
    uint8_t block[AES_COUNTER_BLOCK_SIZE];
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    bool done = mbedtls_aes_setkey_enc(&aes, key, AES_COUNTER_KEY_SIZE * 8) == 0;
    while (done && length > 0) {
        size_t part = length < sizeof block ? length : sizeof block;
        done = mbedtls_internal_aes_encrypt(&aes, counter, block) == 0;
        memcpy(bytes, block, part);
        increment(counter);
        bytes += part;
        length -= part;
    }
    mbedtls_aes_free(&aes);
    mbedtls_platform_zeroize(block, sizeof block);
    return done;
}
