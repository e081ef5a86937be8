/*
 * natives_crypto.c: AES-128 and P-256 of Mbed TLS. Keys and results are big-endian, as in Vol 3, Part H, 2.2.
 * Arguments are copied first: a result's allocation may move them.
 */
#include <mbedtls/aes.h>
#include <mbedtls/platform_util.h>
#include <p256-m.h>
#include <psa/crypto.h>

#include "runtime.h"

enum { KEY = 16, BLOCK = 16, SCALAR = 32, POINT = 64 };

static void copy_bytes(txMachine *the, int index, const char *name, uint8_t *to, uint32_t wanted) {
    uint32_t length;
    const uint8_t *bytes = native_bytes(the, index, name, &length);
    if (length != wanted)
        mxRangeError("%s has %u bytes, not %u", name, (unsigned)length, (unsigned)wanted);
    memcpy(to, bytes, wanted);
}

/* p256-m draws its own private keys with it; ours come from port_random. */
psa_status_t psa_generate_random(uint8_t *output, size_t output_size) {
    return port_random(output, output_size) ? PSA_SUCCESS : PSA_ERROR_INSUFFICIENT_ENTROPY;
}

void native_aes128(txMachine *the) {
    uint8_t key[KEY], block[BLOCK];
    copy_bytes(the, 0, "key", key, KEY);
    copy_bytes(the, 1, "block", block, BLOCK);
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    bool done =
        mbedtls_aes_setkey_enc(&aes, key, KEY * 8) == 0 &&
        mbedtls_internal_aes_encrypt(&aes, block, block) == 0; /* Not _ecb, which brings decryption. */
    mbedtls_aes_free(&aes);
    mbedtls_platform_zeroize(key, KEY);
    if (!done)
        mxUnknownError("aes128: the cipher failed");
    memcpy(native_result_bytes(the, BLOCK), block, BLOCK);
    mbedtls_platform_zeroize(block, BLOCK);
}

/* Doubles a number in the field of 128 bits (RFC 4493, 2.3), without a branch on what it is. */
static void cmac_double(uint8_t *number) {
    uint8_t carry = number[0] >> 7;
    for (int at = 0; at < BLOCK - 1; at++)
        number[at] = (uint8_t)(number[at] << 1 | number[at + 1] >> 7);
    number[BLOCK - 1] = (uint8_t)(number[BLOCK - 1] << 1 ^ (0x87 & -carry));
}

/* An AES-CMAC under way: the blocks so far, and the bytes of the one that may be the last. */
struct cmac {
    mbedtls_aes_context aes;
    uint8_t mac[BLOCK];
    uint32_t filled;
    bool done; /* nothing has failed */
};

static void cmac_encrypt(struct cmac *cmac) {
    cmac->done = cmac->done && mbedtls_internal_aes_encrypt(&cmac->aes, cmac->mac, cmac->mac) == 0;
    cmac->filled = 0;
}

/* Takes the bytes of a part. A full block waits: the last one of the message is treated otherwise. */
static void cmac_update(struct cmac *cmac, const uint8_t *bytes, uint32_t length) {
    for (uint32_t at = 0; at < length; at++) {
        if (cmac->filled == BLOCK)
            cmac_encrypt(cmac);
        cmac->mac[cmac->filled++] ^= bytes[at];
    }
}

/*
 * AES-CMAC (RFC 4493). A passkey pairing takes forty of them: in JavaScript, block by block, they cost
 * more than its two operations on the curve. Mbed TLS has it behind its cipher layer alone, which brings
 * decryption and allocation.
 */
void native_aesCmac(txMachine *the) {
    uint8_t key[KEY], subkey[BLOCK] = {0};
    struct cmac cmac = {.done = true};
    uint32_t length;
    /* What throws does so before there is a key to wipe; up to the result nothing is allocated, so nothing
     * moves. */
    for (int part = 1; part < mxArgc; part++)
        native_bytes(the, part, "message", &length);
    copy_bytes(the, 0, "key", key, KEY);
    mbedtls_aes_init(&cmac.aes);
    cmac.done = mbedtls_aes_setkey_enc(&cmac.aes, key, KEY * 8) == 0;
    cmac.done = cmac.done && mbedtls_internal_aes_encrypt(&cmac.aes, subkey, subkey) == 0;
    cmac_double(subkey);
    for (int part = 1; part < mxArgc; part++) {
        const uint8_t *bytes = native_bytes(the, part, "message", &length);
        cmac_update(&cmac, bytes, length);
    }
    if (cmac.filled < BLOCK) {
        cmac_double(subkey);
        cmac.mac[cmac.filled] ^= 0x80;
    }
    for (int index = 0; index < BLOCK; index++)
        cmac.mac[index] ^= subkey[index];
    cmac_encrypt(&cmac);
    mbedtls_aes_free(&cmac.aes);
    mbedtls_platform_zeroize(key, KEY);
    mbedtls_platform_zeroize(subkey, BLOCK);
    if (!cmac.done)
        mxUnknownError("aesCmac: the cipher failed");
    memcpy(native_result_bytes(the, BLOCK), cmac.mac, BLOCK);
    mbedtls_platform_zeroize(cmac.mac, BLOCK);
}

/* Looks at every byte, and branches on none. */
void native_isSameSecret(txMachine *the) {
    uint32_t length, other_length;
    const uint8_t *bytes = native_bytes(the, 0, "a", &length);
    const uint8_t *other = native_bytes(the, 1, "b", &other_length);
    uint8_t difference = length != other_length;
    for (uint32_t at = 0; at < length && at < other_length; at++)
        difference |= bytes[at] ^ other[at];
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = difference == 0;
}

void native_p256PublicKey(txMachine *the) {
    uint8_t private_key[SCALAR], point[POINT];
    copy_bytes(the, 0, "privateKey", private_key, SCALAR);
    int status = p256_public_from_private(point, private_key);
    mbedtls_platform_zeroize(private_key, SCALAR);
    loop_collect_soon();
    if (status == P256_SUCCESS)
        memcpy(native_result_bytes(the, POINT), point, POINT);
}

void native_p256SharedSecret(txMachine *the) {
    uint8_t private_key[SCALAR], point[POINT], secret[SCALAR];
    copy_bytes(the, 0, "privateKey", private_key, SCALAR);
    copy_bytes(the, 1, "publicKey", point, POINT);
    int status = p256_ecdh_shared_secret(secret, private_key, point);
    mbedtls_platform_zeroize(private_key, SCALAR);
    loop_collect_soon();
    if (status == P256_SUCCESS)
        memcpy(native_result_bytes(the, SCALAR), secret, SCALAR);
    mbedtls_platform_zeroize(secret, SCALAR);
}
