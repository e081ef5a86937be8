/*
 * signature.c: Ed25519 of Monocypher, ECDSA of p256-m. What is verified is a SHA-256: Ed25519 takes it as the
 * message (MCUboot's, not the "pure" variant), ECDSA as the hash that it is.
 */
#include <mbedtls/asn1.h>
#include <monocypher-ed25519.h>
#include <p256-m.h>
#include <string.h>

#include "signed_bundle.h"

enum { SCALAR = 32 };

/* One INTEGER of DER, positive and in its shortest form, as 32 bytes. */
static bool read_scalar(unsigned char **at, const unsigned char *end, uint8_t scalar[SCALAR]) {
    size_t size;
    if (mbedtls_asn1_get_tag(at, end, &size, MBEDTLS_ASN1_INTEGER) != 0 || size == 0 || **at & 0x80)
        return false;
    const unsigned char *digits = *at;
    *at += size;
    if (digits[0] == 0) {
        if (size < 2 || !(digits[1] & 0x80))
            return false;
        digits++;
        size--;
    }
    if (size > SCALAR)
        return false;
    memset(scalar, 0, SCALAR - size);
    memcpy(scalar + SCALAR - size, digits, size);
    return true;
}

static bool verify_ecdsa(const uint8_t key[64], const uint8_t *signature, size_t size, const uint8_t *hash) {
    unsigned char *at = (unsigned char *)signature; /* It only reads. */
    const unsigned char *end = signature + size;
    uint8_t scalars[2 * SCALAR];
    size_t length;
    if (mbedtls_asn1_get_tag(&at, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0 ||
        at + length != end)
        return false;
    if (!read_scalar(&at, end, scalars) || !read_scalar(&at, end, scalars + SCALAR) || at != end)
        return false;
    return p256_ecdsa_verify(scalars, key, hash, SIGNED_HASH_SIZE) == P256_SUCCESS;
}

bool signature_verify(const struct signed_key *key, const uint8_t *signature, size_t size,
                      const uint8_t hash[SIGNED_HASH_SIZE]) {
    switch (key->algorithm) {
    case SIGNED_ED25519:
        return size == 64 && crypto_ed25519_check(signature, key->bytes, hash, SIGNED_HASH_SIZE) == 0;
    case SIGNED_ECDSA_P256:
        return verify_ecdsa(key->bytes, signature, size, hash);
    }
    return false;
}
