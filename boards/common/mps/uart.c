/*
 * uart.c: the HCI line on UART1. A ring each way; the interrupt handlers move bytes between rings and line.
 *
 * The CMSDK UART has one byte of buffer each way and no RTS/CTS. With `flow`, a full receive ring stops the
 * reading of the data register, which in QEMU holds the other side back as RTS would; a real line would
 * overrun, and the overrun is reported.
 */
#include "chip_lines.h"
#include "internal.h"
#include <string.h>

#define RING_SIZE 8192u /* a power of two */
#define RING_MASK (RING_SIZE - 1)

/* Free-running positions: head - tail is what the ring holds. */
struct ring {
    volatile uint32_t head, tail;
    uint8_t bytes[RING_SIZE];
};

static struct ring rx, tx;
static uint32_t line_baud; /* 0: closed, though what is queued may still be leaving */
static bool line_flow;
static volatile bool rx_stalled, tx_wanted;
static volatile uint32_t rx_expected; /* bytes that end the wait for them */
static bool suspended;
static uint64_t last_byte_us; /* when the line took one */
static volatile enum port_uart_error error;

static uint32_t used(const struct ring *ring) {
    return ring->head - ring->tail;
}

static void put(struct ring *ring, const uint8_t *bytes, uint32_t length) {
    uint32_t at = ring->head & RING_MASK, first = RING_SIZE - at;
    if (first > length)
        first = length;
    memcpy(ring->bytes + at, bytes, first);
    memcpy(ring->bytes, bytes + first, length - first);
    ring->head += length;
}

static void get(struct ring *ring, uint8_t *bytes, uint32_t length) {
    uint32_t at = ring->tail & RING_MASK, first = RING_SIZE - at;
    if (first > length)
        first = length;
    memcpy(bytes, ring->bytes + at, first);
    memcpy(bytes + first, ring->bytes, length - first);
    ring->tail += length;
}

/* ---- receive ---- */

static void overrun(void) {
    error = PORT_UART_OVERRUN;
    port_event_post(PORT_EVENT_UART_ERROR);
}

/* Line to ring. Interrupts are masked, or this is the handler. */
static void drain(void) {
    while (UART_HCI->state & UART_STATE_RX_FULL) {
        if (used(&rx) == RING_SIZE) {
            if (line_flow) {
                rx_stalled = true;
                break;
            }
            (void)UART_HCI->data;
            overrun();
            continue;
        }
        rx.bytes[rx.head & RING_MASK] = (uint8_t)UART_HCI->data;
        rx.head++;
    }
    if (UART_HCI->state & UART_STATE_RX_OVERRUN) {
        UART_HCI->state = UART_STATE_RX_OVERRUN;
        overrun();
    }
    if (used(&rx) >= rx_expected)
        port_event_post(PORT_EVENT_UART_RX);
}

void hci_rx_interrupt(void) {
    /* Before the data register is read: a byte that lands in between raises the interrupt again. */
    UART_HCI->interrupt = UART_INTERRUPT_RX;
    drain();
}

size_t port_uart_read(void *bytes, size_t length) {
    uint32_t waiting = used(&rx);
    if (length > waiting)
        length = waiting;
    get(&rx, bytes, (uint32_t)length);
    if (rx_stalled) {
        uint32_t state = interrupts_mask();
        rx_stalled = false;
        /* The byte that waited in the data register raises no second interrupt. */
        drain();
        interrupts_restore(state);
    }
    return length;
}

void port_uart_expect(size_t length) {
    uint32_t state = interrupts_mask();
    rx_expected = (uint32_t)length;
    if (used(&rx) >= rx_expected)
        port_event_post(PORT_EVENT_UART_RX);
    interrupts_restore(state);
}

/* ---- transmit ---- */

/* Bytes to line, as far as the line takes them; returns how many. Interrupts are masked, or this is the
 * handler. */
static uint32_t feed(const uint8_t *bytes, uint32_t length) {
    const uint8_t *at = bytes, *end = bytes + length;
    while (at < end && !(UART_HCI->state & UART_STATE_TX_FULL))
        UART_HCI->data = *at++;
    if (at > bytes)
        last_byte_us = port_clock_us();
    return (uint32_t)(at - bytes);
}

/* Ring to line. Interrupts are masked, or this is the handler. */
static void pump(void) {
    UART_HCI->interrupt = UART_INTERRUPT_TX;
    for (uint32_t taken = 1; taken && used(&tx);) {
        uint32_t at = tx.tail & RING_MASK, length = RING_SIZE - at;
        taken = feed(tx.bytes + at, length < used(&tx) ? length : used(&tx));
        tx.tail += taken;
    }
    if (!used(&tx)) {
        /* Nothing is left to do when the last byte is out, so nobody needs to wake for it. */
        UART_HCI->interrupt = UART_INTERRUPT_TX;
        /* The transmitter stays on: the last byte is on the line. */
        if (!line_baud) {
            UART_HCI->control = UART_CONTROL_TX;
            events_sleep_deep(true);
        }
    }
    if (tx_wanted && used(&tx) <= RING_SIZE / 2) {
        tx_wanted = false;
        port_event_post(PORT_EVENT_UART_TX);
    }
}

void hci_tx_interrupt(void) {
    pump();
}

void uart_drop(void) {
    uint32_t state = interrupts_mask();
    tx.tail = tx.head;
    interrupts_restore(state);
}

size_t port_uart_room(void) {
    return line_baud ? RING_SIZE - used(&tx) : 0;
}

size_t port_uart_write(const void *bytes, size_t length) {
    size_t room = port_uart_room();
    uint32_t state = interrupts_mask();

    if (length > room) {
        length = room;
        tx_wanted = true;
    }
    /* What the line takes at once needs no ring. */
    uint32_t fed = used(&tx) ? 0 : feed(bytes, (uint32_t)length);
    put(&tx, (const uint8_t *)bytes + fed, (uint32_t)length - fed);
    pump();
    interrupts_restore(state);
    return length;
}

/* ---- the line ---- */

bool port_uart_suspend(bool suspend) {
    if (suspend == suspended)
        return true;
    if (suspend && (!line_baud || used(&tx) || (UART_HCI->state & UART_STATE_TX_FULL)))
        return false;
    suspended = suspend;
    chip_lines_request(CHIP_LINE_RTS, !suspend);
    events_sleep_deep(suspend);
    if (suspend && port_radio_host_wake())
        port_event_post(PORT_EVENT_HOST_WAKE);
    return true;
}

/* A modelled controller follows the rate of its host. */
static void show_rate(uint32_t achieved) {
    if (port_radio_driver())
        chip_lines_request(CHIP_LINE_BAUD, achieved);
}

/* Sets the divider; returns the rate achieved, or 0 when it would be off by more than 2 %. */
static uint32_t set_rate(uint32_t baud) {
    if (!baud)
        return 0;
    uint32_t divider = (UART_CLOCK_HZ + baud / 2) / baud;
    if (divider < UART_BAUD_DIVIDER_MIN || divider > UART_BAUD_DIVIDER_MAX)
        return 0;
    uint32_t achieved = UART_CLOCK_HZ / divider;
    uint32_t off = achieved > baud ? achieved - baud : baud - achieved;
    if (off > baud / 50)
        return 0;
    UART_HCI->baud_divider = divider;
    show_rate(achieved);
    return achieved;
}

/* Drops what was received. Interrupts are masked. */
static void discard(void) {
    (void)UART_HCI->data;
    UART_HCI->interrupt = UART_INTERRUPT_RX;
    UART_HCI->state = UART_STATE_RX_OVERRUN;
    rx.head = rx.tail = 0;
    rx_expected = 1;
    rx_stalled = false;
    error = PORT_UART_OK;
    events_withdraw(PORT_EVENT_UART_RX | PORT_EVENT_UART_ERROR);
}

uint32_t port_uart_open(uint32_t baud, bool flow) {
    port_uart_close();
    uint32_t achieved = set_rate(baud);
    if (!achieved) {
        console_printf("uart: %u baud cannot be made from %u Hz\n", (unsigned)baud, (unsigned)UART_CLOCK_HZ);
        return 0;
    }
    uint32_t state = interrupts_mask();
    line_baud = achieved;
    line_flow = flow;
    events_sleep_deep(false);
    discard();
    UART_HCI->control =
        UART_CONTROL_TX | UART_CONTROL_RX | UART_CONTROL_TX_INTERRUPT | UART_CONTROL_RX_INTERRUPT;
    interrupt_enable(INTERRUPT_HCI_RX);
    interrupt_enable(INTERRUPT_HCI_TX);
    pump();
    interrupts_restore(state);
    return achieved;
}

bool port_uart_close(void) {
    port_uart_suspend(false);
    uint32_t state = interrupts_mask();

    UART_HCI->control = UART_CONTROL_TX | (used(&tx) ? UART_CONTROL_TX_INTERRUPT : 0);
    discard();
    tx_wanted = false;
    line_baud = 0;
    events_sleep_deep(!used(&tx));
    events_withdraw(PORT_EVENT_UART_TX);
    interrupts_restore(state);
    return true;
}

uint32_t port_uart_baud(uint32_t baud) {
    if (!line_baud)
        return 0;
    while (used(&tx) || (UART_HCI->state & UART_STATE_TX_FULL))
        ;
    /* The flag falls when the last byte enters the shift register: wait for its ten bits, and one more. */
    uint64_t sent = last_byte_us + 11 * UINT64_C(1000000) / line_baud + 1;
    while (port_clock_us() < sent)
        ;
    uint32_t achieved = set_rate(baud);
    if (achieved)
        line_baud = achieved;
    return achieved;
}

enum port_uart_error port_uart_error(void) {
    uint32_t state = interrupts_mask();
    enum port_uart_error last = error;
    error = PORT_UART_OK;
    interrupts_restore(state);
    return last;
}
