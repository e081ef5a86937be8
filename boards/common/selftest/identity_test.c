/* Entropy, identity, sensors. */
#include "check.h"
#include "chacha20.h"
#include "tests.h"
#include "port.h"
#include <string.h>

void test_chacha20(void) {
    /* RFC 8439, 2.3.2 */
    static const uint8_t nonce[CHACHA20_NONCE_SIZE] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
    static const uint8_t expected[CHACHA20_BLOCK_SIZE] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
        0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
        0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
        0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t key[CHACHA20_KEY_SIZE], block[CHACHA20_BLOCK_SIZE];

    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    chacha20_block(key, 1, nonce, block);
    check(memcmp(block, expected, sizeof block) == 0, "ChaCha20 gives the block of RFC 8439, 2.3.2");
}

static void test_random(void) {
    uint8_t first[100], second[100];
    uint32_t ones = 0;

    memset(first, 0, sizeof first);
    if (!port_random(first, sizeof first)) {
        check_skipped("random bytes differ from call to call", "this board was given no entropy");
        return;
    }
    check(port_random(second, sizeof second) && memcmp(first, second, sizeof first) != 0,
          "random bytes differ from call to call");
    for (size_t i = 0; i < sizeof first; i++)
        ones += (uint32_t)__builtin_popcount(first[i]) + (uint32_t)__builtin_popcount(second[i]);
    /* 1600 bits: 600 and 1000 are ten standard deviations from the mean. */
    check(ones > 600 && ones < 1000, "about half of the random bits are set");
    check(port_random(first, 0), "no random bytes may be asked for");
}

void test_identity(void) {
    uint8_t id[8], again[8];
    static const uint8_t zeros[8], erased[8] = {255, 255, 255, 255, 255, 255, 255, 255};

    port_unique_id(id);
    port_unique_id(again);
    check(memcmp(id, again, sizeof id) == 0, "the unique id stays the same");
    check(memcmp(id, zeros, sizeof id) != 0 && memcmp(id, erased, sizeof id) != 0,
          "the unique id is neither zeros nor erased flash");
    test_random();

    double value = 1000;
    if (port_sensor_read(PORT_SENSOR_TEMPERATURE, &value))
        check(value > -60 && value < 150, "the temperature is one that a camera survives");
    else
        check_skipped("the temperature is one that a camera survives", "no such sensor");
    if (port_sensor_read(PORT_SENSOR_HUMIDITY, &value))
        check(value >= 0 && value <= 100, "the humidity is a percentage");
    else
        check_skipped("the humidity is a percentage", "no such sensor");

    size_t size = 1;
    const void *application = port_application(&size);
    check((application == NULL) == (size == 0), "the application has a size exactly when it is there");
}
