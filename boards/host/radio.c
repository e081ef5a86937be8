/* radio.c: the lines of a modelled controller, on a socket of their own beside the HCI UART's. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "board.h"
#include "chip_lines.h"

static int descriptor = -1;

/* A board without its lines is no board. */
static void transfer(bool sending, uint8_t *bytes, size_t length) {
    const char *target = host_options()->radio_lines, *why = NULL;
    if (descriptor < 0)
        descriptor = host_connect(target, &why);
    if (descriptor < 0)
        host_fail("--radio-lines: %s: %s", target, why);
    while (length > 0) {
        ssize_t count =
            sending ? send(descriptor, bytes, length, MSG_NOSIGNAL) : recv(descriptor, bytes, length, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            host_fail("--radio-lines: %s: %s", target, count == 0 ? "closed" : strerror(errno));
        bytes += count;
        length -= (size_t)count;
    }
}

void chip_lines_send(const uint8_t *bytes, size_t length) {
    transfer(true, (uint8_t *)bytes, length);
}

void chip_lines_receive(uint8_t *bytes, size_t length) {
    transfer(false, bytes, length);
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
