/* little_endian.h: integers as they lie in bundles, at any address. */
#ifndef OBSCURA_LITTLE_ENDIAN_H
#define OBSCURA_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint16_t get16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t get32(const uint8_t *at) {
    return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

#endif
