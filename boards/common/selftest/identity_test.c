/* Entropy, identity, sensors. */
#include "aes_counter.h"
#include "check.h"
#include "tests.h"
#include "port.h"
#include <string.h>

void test_aes_counter(void) {
    /* NIST SP 800-38A, F.5.1 */
    static const uint8_t key[AES_COUNTER_KEY_SIZE] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                                      0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    static const uint8_t plain[64] = {
        0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
        0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
        0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
        0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10};
    static const uint8_t expected[64] = {
        0x87, 0x4d, 0x61, 0x91, 0xb6, 0x20, 0xe3, 0x26, 0x1b, 0xef, 0x68, 0x64, 0x99, 0x0d, 0xb6, 0xce,
        0x98, 0x06, 0xf6, 0x6b, 0x79, 0x70, 0xfd, 0xff, 0x86, 0x17, 0x18, 0x7b, 0xb9, 0xff, 0xfd, 0xff,
        0x5a, 0xe4, 0xdf, 0x3e, 0xdb, 0xd5, 0xd3, 0x5e, 0x5b, 0x4f, 0x09, 0x02, 0x0d, 0xb0, 0x3e, 0xab,
        0x1e, 0x03, 0x1d, 0xda, 0x2f, 0xbe, 0x03, 0xd1, 0x79, 0x21, 0x70, 0xa0, 0xf3, 0x00, 0x9c, 0xee};
    uint8_t counter[AES_COUNTER_BLOCK_SIZE], bytes[64];

    for (size_t i = 0; i < sizeof counter; i++)
        counter[i] = (uint8_t)(0xF0 + i);
    bool done = aes_counter_stream(key, counter, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] ^= plain[i];
    check(done && memcmp(bytes, expected, sizeof bytes) == 0,
          "AES-128 in counter mode gives the vector of NIST SP 800-38A, F.5.1");
    check(counter[15] == 0x03 && counter[14] == 0xFF, "and counts on, with a carry");
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
