/*
 * obscura_crypto_config.h: what of Mbed TLS is compiled. AES has keys of 128 bits, as the Security Manager's
 * functions do (Vol 3, Part H, 2.2), and one table of 1 KB in flash, none in RAM.
 */
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED
/* Signed bundles (docs/update.md). */
#define MBEDTLS_SHA256_C
#define MBEDTLS_ASN1_PARSE_C
