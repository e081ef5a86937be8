/*
 * hci.c: the natives of the HCI UART. A packet to the controller is taken whole or not at all: what the UART
 * does not take at once waits in `rest`, and meanwhile hciWrite takes nothing.
 *
 * When the line is opened, either side may be inside a packet. Towards the controller the packet that was
 * begun is ended first, or the controller would take HCI Reset for a part of it. What comes from the
 * controller is dropped up to its answer to HCI Reset, which is the first packet that onPacket is given.
 */
#include "h4.h"
#include "runtime.h"

/* Read per turn at most, so that a flood from the controller leaves room for timers. */
#define BYTES_PER_TURN 4096

/* Longest packet to the controller: indicator, header, payload. */
#define PACKET_MAX (1 + 4 + H4_ACL_MAX)

static struct {
    bool open;
    uint32_t baud;   /* of the line, when it is opened next; 0: the board's */
    bool data_came;  /* from a peer, since the start */
    bool refused;    /* hciWrite returned false; onWritable is owed */
    uint32_t opened; /* counts hciOpen and hciClose, to notice them during a callback */
    txSlot on_packet;
    txSlot on_writable;
    txSlot on_failure;
    txSlot on_completed; /* undefined, and the next: on_packet is given these events too */
    txSlot on_succeeded;
    uint16_t rest_start;
    uint16_t rest_end;
    uint8_t rest[PACKET_MAX];
    struct h4_framer framer;
} hci;

void hci_start(txMachine *the) {
    root_add(the, &hci.on_packet);
    root_add(the, &hci.on_writable);
    root_add(the, &hci.on_failure);
    root_add(the, &hci.on_completed);
    root_add(the, &hci.on_succeeded);
}

static void reset(void) {
    hci.opened++;
    hci.refused = false;
    h4_seek(&hci.framer);
}

static uint32_t line_baud(void) {
    return hci.baud ? hci.baud : HCI_BAUD;
}

static void close_line(void) {
    if (hci.open && hci.framer.dropped && h4_seeks(&hci.framer))
        console_line(CONSOLE_WARNING,
                     "hci: %u bytes came from the controller, none of them an answer to HCI Reset: is its "
                     "baud rate %u?",
                     (unsigned)hci.framer.dropped, (unsigned)line_baud());
    if (hci.open && !port_uart_close())
        hci.rest_start = hci.rest_end = 0;
    hci.open = false;
    reset();
}

/* Gives the UART what waits; whether it took all of it. */
static bool send_rest(void) {
    if (hci.rest_end) {
        size_t length = (size_t)(hci.rest_end - hci.rest_start);
        hci.rest_start += (uint16_t)port_uart_write(hci.rest + hci.rest_start, length);
        if (hci.rest_start < hci.rest_end)
            return false;
        hci.rest_start = hci.rest_end = 0;
    }
    return true;
}

uint32_t hci_baud_rate(uint32_t baud) {
    uint32_t achieved = hci.open ? port_uart_baud(baud) : baud;
    if (achieved)
        hci.baud = baud;
    return achieved;
}

void hci_supply(bool on) {
    if (!on)
        hci.rest_start = hci.rest_end = 0;
    port_radio_power(on);
}

/* The function that is argument `index`; NULL when it was left out. */
static txSlot *optional_function(txMachine *the, int index, const char *name) {
    bool is_given = mxArgc > index && mxArgv(index)->kind != XS_UNDEFINED_KIND;
    return is_given ? native_function(the, index, name) : NULL;
}

static void set_optional(txSlot *root, const txSlot *function) {
    root_clear(root);
    if (function)
        root_set(root, function);
}

bool hci_suspend(bool suspend) {
    return !(suspend && hci.rest_end) && port_uart_suspend(suspend);
}

void native_hciOpen(txMachine *the) {
    txSlot *on_packet = native_function(the, 0, "onPacket");
    txSlot *on_writable = native_function(the, 1, "onWritable");
    txSlot *on_failure = native_function(the, 2, "onFailure");
    txSlot *on_completed = optional_function(the, 3, "onCompleted");
    txSlot *on_succeeded = optional_function(the, 4, "onSucceeded");
    close_line();
    if (port_uart_open(line_baud(), HCI_FLOW) == 0)
        mxUnknownError("hciOpen: the HCI UART cannot be opened; the console says why");
    port_uart_error();
    hci.open = true;
    send_rest();
    root_set(&hci.on_packet, on_packet);
    root_set(&hci.on_writable, on_writable);
    root_set(&hci.on_failure, on_failure);
    set_optional(&hci.on_completed, on_completed);
    set_optional(&hci.on_succeeded, on_succeeded);
}

void native_hciClose(txMachine *the) {
    (void)the;
    close_line();
    root_clear(&hci.on_packet);
    root_clear(&hci.on_writable);
    root_clear(&hci.on_failure);
    root_clear(&hci.on_completed);
    root_clear(&hci.on_succeeded);
}

/* Gives bytes to the UART; keeps what it does not take. */
static void queue(const uint8_t *bytes, size_t length) {
    size_t taken = hci.rest_end ? 0 : port_uart_write(bytes, length);
    if (taken < length) {
        memcpy(hci.rest + hci.rest_end, bytes + taken, length - taken);
        hci.rest_end += (uint16_t)(length - taken);
    }
}

/* A packet in two pieces, as natives are given it. Their bytes move with the next allocation. */
struct pieces {
    const uint8_t *header;
    uint32_t header_length;
    const uint8_t *payload;
    uint32_t payload_length;
};

/* From (header, headerLength, payload?, start?, end?). */
static struct pieces pieces_given(txMachine *the) {
    struct pieces given = {.payload_length = 0};
    uint32_t size;
    given.header = native_bytes(the, 0, "header", &size);
    given.header_length = native_unsigned(the, 1, "headerLength", size);
    if (mxArgc > 2 && mxArgv(2)->kind != XS_UNDEFINED_KIND) {
        uint32_t start = 0, end;
        given.payload = native_bytes(the, 2, "payload", &size);
        end = size;
        if (mxArgc > 4 && mxArgv(4)->kind != XS_UNDEFINED_KIND)
            end = native_unsigned(the, 4, "end", size);
        if (mxArgc > 3 && mxArgv(3)->kind != XS_UNDEFINED_KIND)
            start = native_unsigned(the, 3, "start", end);
        given.payload += start;
        given.payload_length = end - start;
    }
    return given;
}

/* Whether a packet can be queued now; if not, onWritable is owed. */
static bool takes_packet(void) {
    if (hci.open && hci.rest_end)
        hci.refused = true;
    return hci.open && !hci.rest_end;
}

bool hci_send_command(const uint8_t *command) {
    if (!takes_packet())
        return false;
    const uint8_t header[] = {H4_INDICATOR_COMMAND, command[0], command[1], command[2]};
    queue(header, sizeof header);
    if (command[2])
        queue(command + 3, command[2]);
    return true;
}

void native_hciWrite(txMachine *the) {
    struct pieces given = pieces_given(the);
    uint32_t length = given.header_length + given.payload_length;
    if (length > PACKET_MAX)
        mxRangeError("hciWrite: a packet of %u bytes; at most %d", (unsigned)length, PACKET_MAX);
    mxResult->kind = XS_BOOLEAN_KIND;
    mxResult->value.boolean = 0;
    if (!takes_packet())
        return;
    queue(given.header, given.header_length);
    if (given.payload_length)
        queue(given.payload, given.payload_length);
    mxResult->value.boolean = 1;
}

/* Where to gather `length` bytes: the argument `into`, which becomes the result, or a new array. */
static uint8_t *gather_into(txMachine *the, uint32_t length) {
    if (mxArgc > 5 && mxArgv(5)->kind != XS_UNDEFINED_KIND) {
        uint32_t size;
        uint8_t *bytes = native_bytes(the, 5, "into", &size);
        if (length <= size) {
            mxResult->kind = mxArgv(5)->kind;
            mxResult->value = mxArgv(5)->value;
            return bytes;
        }
    }
    return native_result_bytes(the, length);
}

void native_hciGather(txMachine *the) {
    struct pieces given = pieces_given(the);
    uint8_t *bytes = gather_into(the, given.header_length + given.payload_length);
    /* Where they are now. */
    given = pieces_given(the);
    memcpy(bytes, given.header, given.header_length);
    if (given.payload_length)
        memmove(bytes + given.header_length, given.payload, given.payload_length);
}

void hci_transmit(txMachine *the) {
    if (!hci.open || !send_rest())
        return;
    if (hci.refused) {
        hci.refused = false;
        loop_call(the, "onWritable", &hci.on_writable, NULL, NULL);
    }
}

static int push_reason(txMachine *the, const void *reason) {
    mxPushStringX((txString)reason);
    return 1;
}

static void fail(txMachine *the, const char *reason) {
    txSlot on_failure = hci.on_failure;
    close_line();
    loop_call(the, "onFailure", &on_failure, push_reason, reason);
}

void hci_line_error(txMachine *the) {
    enum port_uart_error error = port_uart_error();
    if (!hci.open || error == PORT_UART_OK)
        return;
    fail(the, error == PORT_UART_OVERRUN ? "overrun" : error == PORT_UART_FRAMING ? "framing" : "gone");
}

/* A DataView over an ArrayBuffer of its own, as the engine's constructors make them. */
static int push_packet(txMachine *the, const void *data) {
    const struct h4_framer *framer = data;
    mxPushUndefined();
    fxArrayBuffer(the, the->stack, (void *)framer->packet, framer->length, -1);
    mxPush(mxDataViewPrototype);
    txSlot *property = fxNewObjectInstance(the);
    property = property->next = fxNewSlot(the);
    property->flag = XS_INTERNAL_FLAG;
    property->kind = XS_DATA_VIEW_KIND;
    property->value.dataView.offset = 0;
    property->value.dataView.size = framer->length;
    property = property->next = fxNewSlot(the);
    property->flag = XS_INTERNAL_FLAG;
    property->kind = XS_REFERENCE_KIND;
    property->value.reference = (the->stack + 1)->value.reference;
    /* The view takes the buffer's place on the stack. */
    (the->stack + 1)->value.reference = the->stack->value.reference;
    mxPop();
    return 1;
}

/*
 * Number Of Completed Packets with one entry (Vol 4, Part E, 7.7.19), of which one comes with each packet
 * that is sent: two numbers cost a tenth of what the view of a packet does.
 */
static bool is_completion(const uint8_t *packet, size_t length) {
    return length == 8 && packet[0] == 0x04 && packet[1] == 0x13 && packet[2] == 5 && packet[3] == 1;
}

static int push_completion(txMachine *the, const void *data) {
    const uint8_t *packet = data;
    mxPushInteger((packet[4] | packet[5] << 8) & 0x0FFF);
    mxPushInteger(packet[6] | packet[7] << 8);
    return 2;
}

/*
 * Command Complete (7.7.14) of a command that succeeded and returns nothing, as the hundreds of commands that
 * a patch is.
 */
static bool is_success(const uint8_t *packet, size_t length) {
    return length == 7 && packet[0] == 0x04 && packet[1] == 0x0e && packet[2] == 4 && packet[6] == 0;
}

static int push_success(txMachine *the, const void *data) {
    const uint8_t *packet = data;
    mxPushInteger(packet[4] | packet[5] << 8);
    mxPushInteger(packet[3]);
    return 2;
}

static void give_packet(txMachine *the) {
    const struct h4_framer *framer = &hci.framer;
    if (framer->packet[0] == H4_INDICATOR_ACL)
        hci.data_came = true;
    if (hci.on_completed.kind == XS_REFERENCE_KIND && is_completion(framer->packet, framer->length))
        loop_call(the, "onCompleted", &hci.on_completed, push_completion, framer->packet);
    else if (hci.on_succeeded.kind == XS_REFERENCE_KIND && is_success(framer->packet, framer->length))
        loop_call(the, "onSucceeded", &hci.on_succeeded, push_success, framer->packet);
    else
        loop_call(the, "onPacket", &hci.on_packet, push_packet, framer);
}

void hci_receive(txMachine *the) {
    uint8_t bytes[256];
    size_t total = 0;
    while (hci.open) {
        size_t length = port_uart_read(bytes, sizeof bytes);
        if (length == 0) {
            port_uart_expect(h4_missing(&hci.framer));
            return;
        }
        uint32_t opened = hci.opened;
        uint64_t now = port_clock_us();
        for (size_t at = 0; at < length;) {
            enum h4_result result = h4_feed(&hci.framer, now, bytes + at, length - at, &at);
            if (result == H4_DESYNCHRONISED) {
                fail(the, "desynchronised");
                return;
            }
            if (result == H4_PACKET)
                give_packet(the);
            if (hci.opened != opened)
                return;
        }
        total += length;
        if (total >= BYTES_PER_TURN) {
            port_event_post(PORT_EVENT_UART_RX);
            return;
        }
    }
}

bool hci_data_came(void) {
    return hci.data_came;
}

uint64_t hci_next(void) {
    return hci.open ? h4_due(&hci.framer, line_baud()) : PORT_NEVER;
}

void hci_overdue(txMachine *the) {
    uint64_t due = hci_next();
    /* The missing bytes may wait in the UART, behind JavaScript that took long. */
    hci_receive(the);
    if (hci_next() <= due)
        fail(the, "incomplete packet");
}
