#include "h4.h"

#include <string.h>

/* Vol 4, Part A, 2, table 2.1. Controllers send neither commands, nor SCO and ISO data that nobody set up. */
#define INDICATOR_EVENT 0x04

#define COMMAND_COMPLETE 0x0E /* Vol 4, Part E, 7.7.14 */
#define HCI_RESET 0x0C03      /* its opcode (7.3.2) */

/*
 * Events of BR/EDR, which this host never switches on (7.7.2 and 7.7.4). Their codes are the indicators of
 * what a controller sends: one of them after an indicator means that this was a byte too many before a
 * packet.
 */
#define INQUIRY_RESULT H4_INDICATOR_ACL
#define CONNECTION_REQUEST INDICATOR_EVENT

/* Of that answer: bytes up to the end of the opcode, and the parameters that it has at least, status
 * included. */
#define ANSWER_START 6
#define ANSWER_PARAMETERS 4

enum { START, HEADER, PAYLOAD, DONE, LOST, SEEK };

_Static_assert(H4_PACKET_MAX >= 1 + 2 + 255, "an event must fit");
_Static_assert(H4_PACKET_MAX <= UINT16_MAX, "lengths are 16 bits");

void h4_reset(struct h4_framer *framer) {
    framer->length = 0;
    framer->state = START;
}

void h4_seek(struct h4_framer *framer) {
    framer->length = 0;
    framer->dropped = 0;
    framer->state = SEEK;
}

bool h4_seeks(const struct h4_framer *framer) {
    return framer->state == SEEK;
}

/* Whether the answer to HCI Reset may begin with these bytes. */
static bool begins_answer(const uint8_t *bytes, size_t length) {
    return bytes[0] == INDICATOR_EVENT && (length < 2 || bytes[1] == COMMAND_COMPLETE) &&
           (length < 3 || bytes[2] >= ANSWER_PARAMETERS) && (length < 5 || bytes[4] == (HCI_RESET & 0xFF)) &&
           (length < 6 || bytes[5] == HCI_RESET >> 8);
}

/* Takes one byte of those among which the answer to HCI Reset is. */
static void seek(struct h4_framer *framer, uint64_t now_us, uint8_t byte) {
    framer->packet[framer->length++] = byte;
    while (framer->length && !begins_answer(framer->packet, framer->length)) {
        memmove(framer->packet, framer->packet + 1, --framer->length);
        framer->dropped++;
    }
    if (framer->length < ANSWER_START)
        return;
    framer->begun_us = now_us;
    framer->wanted = (uint16_t)(1 + 2 + framer->packet[2]);
    framer->state = PAYLOAD;
}

/* Whether a packet of the controller's may begin with these bytes, its header. */
static bool is_header(const uint8_t *bytes) {
    return bytes[0] != INDICATOR_EVENT || (bytes[1] != INQUIRY_RESULT && bytes[1] != CONNECTION_REQUEST);
}

static enum h4_result lose(struct h4_framer *framer) {
    framer->state = LOST;
    return H4_DESYNCHRONISED;
}

enum h4_result h4_feed(struct h4_framer *framer, uint64_t now_us, const uint8_t *bytes, size_t length,
                       size_t *taken) {
    if (framer->state == LOST)
        return H4_DESYNCHRONISED;
    if (framer->state == DONE)
        h4_reset(framer);
    const uint8_t *end = bytes + length;
    for (const uint8_t *at = bytes; at < end;) {
        if (framer->state == SEEK) {
            seek(framer, now_us, *at++);
            ++*taken;
            continue;
        }
        if (framer->state == START) {
            framer->begun_us = now_us;
            framer->packet[0] = *at++;
            framer->length = 1;
            ++*taken;
            if (framer->packet[0] == INDICATOR_EVENT)
                framer->wanted = 1 + 2;
            else if (framer->packet[0] == H4_INDICATOR_ACL)
                framer->wanted = 1 + 4;
            else
                return lose(framer);
            framer->state = HEADER;
        }
        size_t count = framer->wanted - framer->length;
        if (count > (size_t)(end - at))
            count = (size_t)(end - at);
        memcpy(framer->packet + framer->length, at, count);
        framer->length += (uint16_t)count;
        at += count;
        *taken += count;
        if (framer->length < framer->wanted)
            break;
        if (framer->state == HEADER) {
            uint32_t payload = framer->packet[0] == INDICATOR_EVENT
                                   ? framer->packet[2]
                                   : framer->packet[3] | (uint32_t)framer->packet[4] << 8;
            if (framer->wanted + payload > H4_PACKET_MAX || !is_header(framer->packet))
                return lose(framer);
            framer->wanted += (uint16_t)payload;
            framer->state = PAYLOAD;
        }
        if (framer->length == framer->wanted) {
            framer->state = DONE;
            return H4_PACKET;
        }
    }
    return H4_MORE;
}

size_t h4_missing(const struct h4_framer *framer) {
    bool is_begun = framer->state == HEADER || framer->state == PAYLOAD;
    return is_begun ? (size_t)(framer->wanted - framer->length) : 1;
}

uint64_t h4_due(const struct h4_framer *framer, uint32_t baud) {
    if (framer->state != HEADER && framer->state != PAYLOAD)
        return UINT64_MAX;
    uint64_t line_us = UINT64_C(10000000) * H4_PACKET_MAX / baud; /* 10 bits a byte */
    return framer->begun_us + H4_STALL_MS * UINT64_C(1000) + line_us;
}
