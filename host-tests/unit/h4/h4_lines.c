/*
 * Feeds the C framer: each line of standard input is a chunk in hexadecimal, or @ and the time in
 * microseconds from here on, or "seek" for the answer to HCI Reset; an empty line starts over. The line runs
 * at a million bits a second. Prints "packet HEX" for each packet, "desynchronised" once, "overdue" at a time
 * that finds a packet overdue, and "end" for each empty line and at the end; "early" before a packet that
 * took fewer bytes than h4_missing had said.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h4.h"

static struct h4_framer framer;
static bool lost;
static uint64_t now_us;

static void feed(const uint8_t *bytes, size_t length) {
    size_t at = 0;
    do {
        size_t start = at, missing = h4_missing(&framer);
        switch (h4_feed(&framer, now_us, bytes + at, length - at, &at)) {
        case H4_MORE:
            break;
        case H4_PACKET:
            if (missing < 1 || at - start < missing)
                printf("early, %u bytes were missing\n", (unsigned)missing);
            printf("packet ");
            for (unsigned i = 0; i < framer.length; i++)
                printf("%02x", framer.packet[i]);
            printf("\n");
            break;
        case H4_DESYNCHRONISED:
            if (!lost)
                printf("desynchronised\n");
            lost = true;
            return;
        }
    } while (at < length);
}

int main(void) {
    static char line[16384];
    h4_reset(&framer);
    while (fgets(line, sizeof line, stdin)) {
        size_t length = strcspn(line, "\n") / 2;
        if (length == 0) {
            if (framer.dropped)
                printf("dropped %u\n", (unsigned)framer.dropped);
            framer.dropped = 0;
            printf("end\n");
            h4_reset(&framer);
            lost = false;
            now_us = 0;
            continue;
        }
        if (strncmp(line, "seek", 4) == 0) {
            h4_seek(&framer);
            lost = false;
            continue;
        }
        if (line[0] == '@') {
            now_us = strtoull(line + 1, NULL, 10);
            if (h4_due(&framer, 1000000) <= now_us)
                printf("overdue\n");
            continue;
        }
        /* Exactly as long as the chunk, so that the address sanitizer sees a read past it. */
        uint8_t *bytes = malloc(length);
        for (size_t i = 0; i < length; i++) {
            const char digits[] = {line[2 * i], line[2 * i + 1], 0};
            bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
        }
        feed(bytes, length);
        free(bytes);
    }
    if (framer.dropped)
        printf("dropped %u\n", (unsigned)framer.dropped);
    printf("end\n");
    return 0;
}
