/*
 * h4.h: cuts the bytes of an HCI UART into packets (Vol 4, Part A, 2). Knows nothing of the engine.
 */
#ifndef OBSCURA_H4_H
#define OBSCURA_H4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest ACL data packet payload that is accepted, in bytes. */
#ifndef H4_ACL_MAX
#define H4_ACL_MAX 1024
#endif
/* Packet indicator, header, payload. Events are shorter: 1 + 2 + 255. */
#define H4_PACKET_MAX (1 + 4 + H4_ACL_MAX)

enum h4_result {
    H4_MORE,   /* all bytes taken, none of them completes a packet */
    H4_PACKET, /* framer->packet holds one of framer->length bytes, indicator first */
    /* A byte that starts no packet that we expect, or a length past the limit. The framer takes nothing more
     * until h4_reset. */
    H4_DESYNCHRONISED,
};

struct h4_framer {
    uint16_t length; /* bytes in packet */
    uint16_t wanted; /* bytes until the length is known, then of the whole packet */
    uint8_t state;
    uint8_t packet[H4_PACKET_MAX];
};

void h4_reset(struct h4_framer *framer);

/* Whether a packet has begun and not ended. */
bool h4_incomplete(const struct h4_framer *framer);

/*
 * Takes bytes up to the end of one packet, and adds to *taken how many. With H4_PACKET, the packet stays
 * until the next call.
 */
enum h4_result h4_feed(struct h4_framer *framer, const uint8_t *bytes, size_t length, size_t *taken);

#endif
