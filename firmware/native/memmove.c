/*
 * memmove.c: the C library's memmove, sixteen bytes at a time in both directions. That of newlib-nano goes
 * byte by byte where the target overlaps what lies before it, and the engine moves slots in that way with
 * every tail call. Left out on Linux, whose C library does better.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __linux__
#define memmove move_units /* for the test */
#endif

void *memmove(void *target, const void *source, size_t length);

/* As large as a slot of the engine. */
struct unit {
    uint32_t words[4];
};

/* GCC would take the loops for what they are, and call memmove. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *memmove(void *target, const void *source,
                                                                            size_t length) {
    uintptr_t to = (uintptr_t)target, from = (uintptr_t)source;
    if ((to < from ? from - to : to - from) >= length)
        return memcpy(target, source, length);
    size_t units = (to | from) % sizeof(uint32_t) ? 0 : length / sizeof(struct unit);
    struct unit *to_unit = target;
    const struct unit *from_unit = source;
    uint8_t *to_byte = target;
    const uint8_t *from_byte = source;
    if (to < from) {
        for (size_t at = 0; at < units; at++)
            to_unit[at] = from_unit[at];
        for (size_t at = units * sizeof(struct unit); at < length; at++)
            to_byte[at] = from_byte[at];
    } else {
        for (size_t at = length; at > units * sizeof(struct unit); at--)
            to_byte[at - 1] = from_byte[at - 1];
        for (size_t at = units; at > 0; at--)
            to_unit[at - 1] = from_unit[at - 1];
    }
    return target;
}
