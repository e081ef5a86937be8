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

/* The first byte of a packet of ACL data. */
#define H4_INDICATOR_COMMAND 0x01
#define H4_INDICATOR_ACL 0x02

/*
 * A packet that is not whole this long after its first byte never will be: bytes of it were lost, and those
 * of the next packets would be taken for them. On top of it comes the time that the longest packet takes on
 * the line.
 */
#define H4_STALL_MS 500

enum h4_result {
    H4_MORE,   /* all bytes taken, none of them completes a packet */
    H4_PACKET, /* framer->packet holds one of framer->length bytes, indicator first */
    /* A byte that starts no packet that we expect, or a length past the limit. The framer takes nothing more
     * until h4_reset or h4_seek. */
    H4_DESYNCHRONISED,
};

struct h4_framer {
    uint32_t dropped; /* bytes since h4_seek that were not the answer */
    uint16_t length;  /* bytes in packet */
    uint16_t wanted;  /* bytes until the length is known, then of the whole packet */
    uint8_t state;
    uint64_t begun_us; /* when the packet's first byte came */
    uint8_t packet[H4_PACKET_MAX];
};

/* The next byte is a packet's first. */
void h4_reset(struct h4_framer *framer);

/*
 * Drops everything up to the Command Complete of HCI Reset, which is the next packet: the way back into step
 * with a controller that may be inside a packet (Vol 4, Part A, 4). What came before that command was sent is
 * not for h4_feed: a peer may have put the same bytes into its data.
 */
void h4_seek(struct h4_framer *framer);

/* Whether that answer is still to come. */
bool h4_seeks(const struct h4_framer *framer);

/*
 * Takes bytes that came at now_us up to the end of one packet, and adds to *taken how many. With H4_PACKET,
 * the packet stays until the next call.
 */
enum h4_result h4_feed(struct h4_framer *framer, uint64_t now_us, const uint8_t *bytes, size_t length,
                       size_t *taken);

/* Bytes that are wanted next: the rest of the packet, or of its header, from which that is known; at least 1.
 */
size_t h4_missing(const struct h4_framer *framer);

/* When the packet that is begun will be overdue on a line of this speed; UINT64_MAX when none is begun. */
uint64_t h4_due(const struct h4_framer *framer, uint32_t baud);

#endif
