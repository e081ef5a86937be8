/* aes_cmac.h: AES-CMAC (RFC 4493) with keys of 128 bits. */
#ifndef OBSCURA_AES_CMAC_H
#define OBSCURA_AES_CMAC_H

#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK 16

void aes_cmac(const uint8_t key[AES_BLOCK], const uint8_t *message, size_t length, uint8_t tag[AES_BLOCK]);

#endif
