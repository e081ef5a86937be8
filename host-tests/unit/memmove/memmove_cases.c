/* Moves bytes by all distances, alignments and lengths, and compares with a copy by way of another array. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *move_units(void *target, const void *source, size_t length);

enum { REACH = 40, LENGTH = 80, ROOM = 2 * REACH + LENGTH };

int main(void) {
    unsigned cases = 0;
    for (int from = 0; from <= REACH; from++) {
        for (int to = 0; to <= 2 * REACH; to++) {
            for (int length = 0; length <= LENGTH; length++) {
                /* Allocated, so that the address sanitizer sees what lies outside. */
                uint8_t *moved = malloc(ROOM), expected[ROOM], between[ROOM];
                for (int at = 0; at < ROOM; at++)
                    moved[at] = expected[at] = (uint8_t)(at * 7 + 1);
                memcpy(between, expected + from, (size_t)length);
                memcpy(expected + to, between, (size_t)length);
                void *result = move_units(moved + to, moved + from, (size_t)length);
                if (result != moved + to || memcmp(moved, expected, ROOM) != 0) {
                    printf("wrong: %d bytes from %d to %d\n", length, from, to);
                    return 1;
                }
                free(moved);
                cases++;
            }
        }
    }
    printf("%u cases\n", cases);
    return 0;
}
