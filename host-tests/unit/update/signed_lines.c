/*
 * signed_lines.c: verifies bundles that come as lines of text.
 *
 *   board NAME                      what the camera is
 *   key ed25519|ecdsa HASH BYTES    trusts one more key
 *   root ed25519|ecdsa HASH BYTES   takes revocations from this one
 *   file HEX                        verifies a file; the next two commands are about it
 *   flips                           each of its bits the other way
 *   cuts                            each of its beginnings
 *   slices N                        verifies it in steps of N bytes, and prints how many there were
 *   manifest HEX                    reads a body as if its signature had been verified
 *
 * Each answer is one line. Inputs lie in memory of exactly their size, so that a sanitizer sees what reads
 * beyond.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "lines.h"

static char line[2 * FILE_MAX + 100];
static uint8_t file[FILE_MAX];
static size_t file_size;

static void print(const struct signed_bundle *bundle, const uint8_t *bytes, const struct refusal *problem) {
    if (problem)
        printf("%s\n", problem->text);
    else if (bundle->revoked) {
        printf("ok revokes ");
        for (int i = 0; i < SIGNED_HASH_SIZE; i++)
            printf("%02x", bundle->revoked[i]);
        printf("\n");
    } else
        printf("ok length=%u counter=%u version=%u.%u.%u container=%ld+%u\n", (unsigned)bundle->length,
               (unsigned)bundle->counter, bundle->version[0], bundle->version[1],
               bundle->version[2] | bundle->version[3] << 8, (long)(bundle->container - bytes),
               (unsigned)bundle->container_size);
}

static void verify(const uint8_t *bytes, size_t size) {
    uint8_t *copy = exact(bytes, size);
    struct signed_bundle bundle;
    const struct refusal *problem = signed_bundle_open(&bundle, copy, size, &target);
    print(&bundle, copy, problem);
    free(copy);
}

static void verify_in_slices(uint32_t most) {
    uint8_t *copy = exact(file, file_size);
    struct signed_bundle bundle;
    struct signed_check check;
    unsigned steps = 1;
    signed_check_begin(&check, &bundle, copy, file_size, &target);
    while (!signed_check_step(&check, most))
        steps++;
    printf("%u steps ", steps);
    print(&bundle, copy, signed_check_problem(&check));
    free(copy);
}

static void read_manifest(const char *text) {
    static uint8_t body[FILE_MAX];
    size_t size = from_hex(text, body, sizeof body);
    uint8_t *copy = exact(body, size);
    struct signed_bundle bundle = {.version = (const uint8_t[4]){0}};
    print(&bundle, copy, signed_manifest_read(&bundle, copy, (uint32_t)size, &target));
    free(copy);
}

int main(void) {
    unsigned most;
    while (fgets(line, sizeof line, stdin)) {
        if (take_target_line(line))
            continue;
        if (strncmp(line, "file ", 5) == 0) {
            file_size = from_hex(line + 5, file, sizeof file);
            verify(file, file_size);
        } else if (strncmp(line, "manifest ", 9) == 0)
            read_manifest(line + 9);
        else if (sscanf(line, "slices %u", &most) == 1)
            verify_in_slices(most);
        else if (strncmp(line, "flips", 5) == 0)
            for (size_t bit = 0; bit < 8 * file_size; bit++) {
                file[bit / 8] ^= (uint8_t)(1 << bit % 8);
                verify(file, file_size);
                file[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        else if (strncmp(line, "cuts", 4) == 0)
            for (size_t size = 0; size < file_size; size++)
                verify(file, size);
        else
            return 1;
    }
    return 0;
}
