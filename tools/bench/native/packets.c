/*
 * packets.c: hands the firmware what it receives packet by packet, each in a turn of its loop. How the bytes
 * of a packet fall into interrupts and reads, and how many packets have come by then, is up to the computer
 * that runs the benchmark, and how busy that is; what the firmware does with a packet is not.
 */
#include "packets.h"

#include "profile.h"
#include "runtime.h"

static struct {
    uint8_t bytes[8192];
    size_t length;
    size_t packet; /* bytes of the first packet that have not been handed over; 0: none is begun */
    bool taken;    /* this turn has had its packet */
} received;

size_t __real_port_uart_read(void *bytes, size_t length);
size_t __wrap_port_uart_read(void *bytes, size_t length);
uint32_t __real_port_event_wait(void);
uint32_t __wrap_port_event_wait(void);

/* The length of the packet that is first, 0 when it is not whole. */
static size_t whole_packet(void) {
    const uint8_t *bytes = received.bytes;
    size_t length = 0;
    if (received.length >= 3 && bytes[0] == PACKET_EVENT)
        length = 3u + bytes[2];
    else if (received.length >= 5 && bytes[0] == PACKET_DATA)
        length = 5u + bytes[3] + 256u * bytes[4];
    return length <= received.length ? length : 0;
}

static void collect(void) {
    received.length +=
        __real_port_uart_read(received.bytes + received.length, sizeof received.bytes - received.length);
}

size_t __wrap_port_uart_read(void *bytes, size_t length) {
    if (received.packet == 0) {
        if (received.taken)
            return 0;
        received.taken = true;
        received.packet = whole_packet();
        if (received.packet == 0)
            return 0;
        packet_received(received.bytes);
    }
    if (length > received.packet)
        length = received.packet;
    memcpy(bytes, received.bytes, length);
    received.packet -= length;
    received.length -= length;
    memmove(received.bytes, received.bytes + length, received.length);
    return length;
}

uint32_t __wrap_port_event_wait(void) {
    uint32_t events;
    turn_ends();
    received.taken = false;
    if (whole_packet() != 0)
        port_event_post(PORT_EVENT_UART_RX);
    else
        processor_sleeps();
    do {
        profile_pause();
        events = __real_port_event_wait();
        profile_resume();
        if (events & PORT_EVENT_UART_RX) {
            bytes_came();
            collect();
            if (whole_packet() == 0)
                events &= ~(uint32_t)PORT_EVENT_UART_RX;
        }
    } while (events == 0);
    turn_begins();
    return events;
}

size_t __real_port_uart_write(const void *bytes, size_t length);
size_t __wrap_port_uart_write(const void *bytes, size_t length);

/* Commands come in one piece, ACL packets in a header and a payload. */
size_t __wrap_port_uart_write(const void *bytes, size_t length) {
    static uint8_t packet[5];
    static size_t missing;
    size_t taken = __real_port_uart_write(bytes, length);
    if (missing == 0) {
        memcpy(packet, bytes, length < sizeof packet ? length : sizeof packet);
        missing = packet[0] == 0x01 ? 4u + packet[3] : 5u + packet[3] + 256u * packet[4];
    }
    missing -= taken;
    if (missing == 0)
        packet_queued(packet);
    return taken;
}
