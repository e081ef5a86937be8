/* radio.c: the lines of a modelled controller, on a socket of their own beside the HCI UART's. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "board.h"
#include "chip_lines.h"

static int descriptor = -1;

/* A board without its lines is no board. */
static void fail(const char *why) {
    host_fail("--radio-lines: %s: %s", host_options()->radio_lines, why);
}

static void receive(int flags) {
    uint8_t bytes[64];
    ssize_t count = recv(descriptor, bytes, sizeof bytes, flags);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count <= 0)
        fail(count == 0 ? "closed" : strerror(errno));
    for (ssize_t i = 0; i < count; i++)
        chip_lines_take(bytes[i]);
}

void chip_lines_send(const uint8_t *bytes, size_t length) {
    const char *why = NULL;
    if (descriptor < 0) {
        descriptor = host_connect(host_options()->radio_lines, &why);
        if (descriptor < 0)
            fail(why);
        host_watch_lines(descriptor);
    }
    while (length > 0) {
        ssize_t count = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            fail(strerror(errno));
        bytes += count;
        length -= (size_t)count;
    }
}

void chip_lines_wait(void) {
    receive(0);
}

void lines_ready(void) {
    receive(MSG_DONTWAIT);
}

void port_radio_power(bool on) {
    /* The socket has taken what was queued. */
    chip_lines_request(CHIP_LINE_POWER, on);
}

const char *port_radio_driver(void) {
    return host_options()->radio_lines ? "cyw43" : NULL;
}

const void *port_radio_patch(size_t *size) {
    static const void *patch;
    static size_t patch_size;
    const char *path = host_options()->radio_patch;
    if (path && !patch)
        patch = host_map_file("--radio-patch", path, &patch_size);
    *size = patch_size;
    return patch;
}

bool port_radio_public_address(uint8_t address[6]) {
    memcpy(address, host_options()->public_address, 6);
    return host_options()->has_public_address;
}
