/*
 * packets.h: packets of the HCI UART as they pass between the board and the firmware (packets.c calls,
 * probes.c answers).
 */
#ifndef OBSCURA_BENCH_PACKETS_H
#define OBSCURA_BENCH_PACKETS_H

#include <stdint.h>

/* The H4 indicators of a packet's first byte (Vol 4, Part A, 2). */
enum { PACKET_COMMAND = 0x01, PACKET_DATA = 0x02, PACKET_EVENT = 0x04 };

/* Bytes have ended a wait. */
void bytes_came(void);
/* The firmware is about to read a packet, which is whole. */
void packet_received(const uint8_t *packet);
/* Nothing is left to do until something arrives. */
void processor_sleeps(void);
/* The firmware's turn begins, and is over: it looks at the UART. */
void turn_begins(void);
void turn_ends(void);
/* The last byte of a packet is in the UART's queue; its first five bytes. */
void packet_queued(const uint8_t *packet);

#endif
