/* aes_counter.h: the key stream of AES-128 in counter mode (NIST SP 800-38A, 6.5), for boards that stretch a
 * seed. */
#ifndef OBSCURA_AES_COUNTER_H
#define OBSCURA_AES_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AES_COUNTER_KEY_SIZE 16
#define AES_COUNTER_BLOCK_SIZE 16

/* Writes `length` bytes and counts on: `counter`, big-endian, is that of the next block afterwards. */
bool aes_counter_stream(const uint8_t key[AES_COUNTER_KEY_SIZE], uint8_t counter[AES_COUNTER_BLOCK_SIZE],
                        uint8_t *bytes, size_t length);

#endif
