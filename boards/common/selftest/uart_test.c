/* The HCI UART, against another end that sends every byte back. */
#include "check.h"
#include "tests.h"
#include "port.h"

#define BAUD 115200
#define LONG 20000u
#define LIMIT_US UINT64_C(100000000)

static uint8_t pattern(uint32_t position) {
    return (uint8_t)(position * 7 + (position >> 8));
}

static void sleep_us(uint64_t duration_us) {
    uint64_t until = port_clock_us() + duration_us;
    while (port_clock_us() < until) {
        port_alarm_set(until);
        port_event_wait();
    }
}

/* Writes `length` bytes and reads them back; `held_back` reads nothing until a second after all is written.
 */
static bool echo(uint32_t length, bool held_back) {
    uint64_t limit = port_clock_us() + LIMIT_US;
    uint32_t sent = 0, received = 0;

    port_alarm_set(limit);
    while (received < length) {
        uint8_t bytes[64];
        size_t count = 0;
        while (sent < length) {
            for (count = 0; count < sizeof bytes && sent + count < length; count++)
                bytes[count] = pattern(sent + (uint32_t)count);
            size_t taken = port_uart_write(bytes, count);
            sent += (uint32_t)taken;
            if (taken < count)
                break;
        }
        if (held_back && sent == length) {
            /* Time for more to come back than the receive ring holds. */
            sleep_us(1000000);
            held_back = false;
            port_alarm_set(limit);
        }
        while (!held_back && (count = port_uart_read(bytes, sizeof bytes)) > 0)
            for (size_t i = 0; i < count; i++)
                if (bytes[i] != pattern(received++))
                    return false;
        if (received == length)
            break;
        if (port_clock_us() >= limit || port_uart_error() != PORT_UART_OK)
            return false;
        port_event_wait();
    }
    port_alarm_set(PORT_NEVER);
    return true;
}

/* Whether what was queued when the UART was closed is sent all the same, where the board says so. */
static bool sends_what_was_queued(void) {
    static uint8_t packet[1000];
    const uint8_t last = 0xA5;
    uint64_t limit = port_clock_us() + LIMIT_US;
    packet[sizeof packet - 1] = last;
    if (port_uart_write(packet, sizeof packet) != sizeof packet)
        return false;
    bool is_sent = port_uart_close();
    port_uart_open(BAUD, true);
    port_alarm_set(limit);
    while (is_sent && port_clock_us() < limit) {
        uint8_t byte = 0;
        while (port_uart_read(&byte, 1) > 0)
            if (byte == last) {
                port_alarm_set(PORT_NEVER);
                return true;
            }
        port_event_wait();
    }
    return !is_sent;
}

void test_uart(void) {
    uint8_t byte;

    check(port_uart_read(&byte, 1) == 0, "a closed UART has nothing to read");
    check(port_uart_write("x", 1) == 0, "a closed UART takes nothing");
    uint32_t rate = port_uart_open(BAUD, true);
    check(rate > BAUD - BAUD / 50 && rate < BAUD + BAUD / 50, "the UART opens at 115200 within 2 %");
    check(port_uart_read(&byte, 1) == 0, "an open UART has nothing to read yet");
    size_t room = port_uart_room();
    check(room >= 4096, "there is room for 4096 bytes");
    check(echo(1, false), "one byte goes out and comes back");
    check(echo(260, false), "a packet of 260 bytes comes back");
    check(echo(LONG, false), "20000 bytes come back, in order, none lost");
    /* More than the receive ring need hold, and no more than both rings together must. */
    check(echo((uint32_t)room + 4000, true), "flow control holds back what nobody reads yet");
    check(port_uart_error() == PORT_UART_OK, "the line had no error");
    rate = port_uart_baud(12345678);
    check(rate == 0 || (rate > 12100000 && rate < 12600000), "an odd rate is made within 2 % or refused");
    rate = port_uart_baud(BAUD);
    check(rate > BAUD - BAUD / 50 && rate < BAUD + BAUD / 50, "the rate can be changed");
    check(echo(260, false), "and the line works after it");
    port_uart_close();
    port_uart_open(BAUD, true);
    check(echo(260, false), "the UART can be opened again");
    check(sends_what_was_queued(), "what was queued when the UART was closed is sent");
    check(echo(260, false), "and the line works after it");
    port_uart_close();
}
