/*
 * uart.c: the HCI UART as a stream socket. Its buffers stand for those of a UART with flow control: nothing
 * is lost, and port_uart_write takes what the socket takes.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"
#include "chip_lines.h"

static int descriptor = -1;
static bool blocked; /* port_uart_write took less than it was given */
static bool gone;
static bool suspended;
static enum port_uart_error error;

static void report_failure(const char *why) {
    char line[200];
    int length = snprintf(line, sizeof line, "error: HCI UART: %s: %s\n", host_options()->hci, why);
    port_console_write(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

static int connect_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, (struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        close(s);
        errno = reason;
        return -1;
    }
    return s;
}

/* Returns -1 with *why set. */
static int connect_tcp(const char *target, const char **why) {
    char host[256];
    const char *port = strrchr(target, ':') + 1;
    size_t length = (size_t)(port - target) - 1;
    if (length >= sizeof host) {
        *why = "the host's name is too long";
        return -1;
    }
    memcpy(host, target, length);
    host[length] = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses;
    int status = getaddrinfo(host, port, &hints, &addresses);
    if (status != 0) {
        *why = gai_strerror(status);
        return -1;
    }
    int s = -1, reason = 0;
    for (struct addrinfo *a = addresses; a && s < 0; a = a->ai_next) {
        s = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (s >= 0 && connect(s, a->ai_addr, a->ai_addrlen) != 0) {
            reason = errno;
            close(s);
            s = -1;
        }
    }
    freeaddrinfo(addresses);
    *why = strerror(reason);
    if (s >= 0)
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return s;
}

int host_connect(const char *target, const char **why) {
    if (target[0] != 'u')
        return connect_tcp(target + 4, why);
    int s = connect_unix(target + 5);
    *why = strerror(errno);
    return s;
}

/* The controller's model follows the rate of its host; a socket has none. */
static uint32_t make_rate(uint32_t baud) {
    return port_radio_driver() ? chip_lines_request(CHIP_LINE_BAUD, baud) : baud;
}

uint32_t port_uart_open(uint32_t baud, bool flow) {
    (void)flow;
    port_uart_close();
    const char *target = host_options()->hci;
    if (!target) {
        static const char line[] = "error: HCI UART: there is none; start the firmware with --hci\n";
        port_console_write(line, sizeof line - 1);
        return 0;
    }
    const char *why = NULL;
    descriptor = host_connect(target, &why);
    if (descriptor < 0) {
        report_failure(why);
        return 0;
    }
    blocked = gone = false;
    error = PORT_UART_OK;
    host_watch_uart(descriptor, false);
    return make_rate(baud);
}

bool uart_is_stopped(void) {
    return descriptor < 0 || suspended;
}

bool port_uart_suspend(bool suspend) {
    if (suspend == suspended)
        return true;
    if (suspend && (descriptor < 0 || blocked || gone))
        return false;
    suspended = suspend;
    chip_lines_request(CHIP_LINE_RTS, !suspend);
    if (suspend && port_radio_host_wake())
        port_event_post(PORT_EVENT_HOST_WAKE);
    return true;
}

/* The controller takes the next connection for a new line. */
bool port_uart_close(void) {
    port_uart_suspend(false);
    if (descriptor < 0)
        return false;
    if (!gone)
        host_unwatch_uart(descriptor);
    close(descriptor);
    descriptor = -1;
    return false;
}

uint32_t port_uart_baud(uint32_t baud) {
    return descriptor < 0 ? 0 : make_rate(baud);
}

size_t port_uart_room(void) {
    return descriptor < 0 || blocked || gone ? 0 : 4096;
}

static void lose_line(void) {
    if (gone)
        return;
    gone = true;
    error = PORT_UART_GONE;
    host_unwatch_uart(descriptor);
    port_event_post(PORT_EVENT_UART_ERROR);
}

size_t port_uart_write(const void *bytes, size_t length) {
    if (descriptor < 0 || gone)
        return 0;
    ssize_t count = send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
        lose_line();
        return 0;
    }
    size_t taken = count < 0 ? 0 : (size_t)count;
    if (taken < length && !blocked) {
        blocked = true;
        host_watch_uart(descriptor, true);
    }
    return taken;
}

size_t port_uart_read(void *bytes, size_t length) {
    if (descriptor < 0 || gone)
        return 0;
    ssize_t count = recv(descriptor, bytes, length, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        lose_line();
        return 0;
    }
    return count < 0 ? 0 : (size_t)count;
}

/* A socket brings what was sent at once. */
void port_uart_expect(size_t length) {
    (void)length;
}

void uart_ready(bool readable, bool writable) {
    uint32_t events = readable ? PORT_EVENT_UART_RX : 0;
    if (writable && blocked) {
        blocked = false;
        host_watch_uart(descriptor, false);
        events |= PORT_EVENT_UART_TX;
    }
    port_event_post(events);
}

enum port_uart_error port_uart_error(void) {
    enum port_uart_error last = error;
    error = PORT_UART_OK;
    return last;
}
