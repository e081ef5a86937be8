/*
 * flash.c: the state area of flash as a file, or as memory that survives resets. Programming that would set a
 * bit is refused: on a real board it would corrupt silently.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board.h"

#define AREA_SIZE (64 * 1024)
#define ERASE_UNIT 4096
#define PROGRAM_UNIT 4
#define INHERITED "OBSCURA_STATE_FD"

static uint8_t *area;

static int open_memory(bool *fresh) {
    const char *inherited = getenv(INHERITED);
    if (inherited) {
        *fresh = false;
        return atoi(inherited);
    }
    int fd = memfd_create("obscura-state", 0);
    char text[16];
    snprintf(text, sizeof text, "%d", fd);
    setenv(INHERITED, text, 1);
    *fresh = true;
    return fd;
}

void flash_start(void) {
    const char *path = host_options()->state;
    bool fresh = false;
    int fd;
    struct stat status;
    if (path) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || fstat(fd, &status) != 0)
            host_fail("--state: %s: %s", path, strerror(errno));
        fresh = status.st_size == 0;
        if (!fresh && status.st_size != AREA_SIZE)
            host_fail("--state: %s: not a state area of %d bytes", path, AREA_SIZE);
    } else {
        fd = open_memory(&fresh);
    }
    if (fresh && ftruncate(fd, AREA_SIZE) != 0)
        host_fail("state area: %s", strerror(errno));
    area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (area == MAP_FAILED)
        host_fail("state area: %s", strerror(errno));
    if (fresh)
        memset(area, 0xff, AREA_SIZE);
    if (path)
        close(fd);
}

const struct port_flash_area *port_flash_area(enum port_flash_area_id id) {
    static const struct port_flash_area state = {AREA_SIZE, ERASE_UNIT, PROGRAM_UNIT};
    return id == PORT_FLASH_STATE ? &state : NULL;
}

static bool fits(enum port_flash_area_id id, uint32_t offset, uint32_t length, uint32_t unit) {
    return id == PORT_FLASH_STATE && offset <= AREA_SIZE && length <= AREA_SIZE - offset &&
           offset % unit == 0 && length % unit == 0;
}

bool port_flash_read(enum port_flash_area_id id, uint32_t offset, void *bytes, uint32_t length) {
    if (!fits(id, offset, length, 1))
        return false;
    memcpy(bytes, area + offset, length);
    return true;
}

bool port_flash_program(enum port_flash_area_id id, uint32_t offset, const void *bytes, uint32_t length) {
    if (!fits(id, offset, length, PROGRAM_UNIT))
        return false;
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < length; i++)
        if (from[i] & ~area[offset + i])
            return false;
    memcpy(area + offset, from, length);
    return true;
}

bool port_flash_erase(enum port_flash_area_id id, uint32_t offset, uint32_t length) {
    if (!fits(id, offset, length, ERASE_UNIT))
        return false;
    memset(area + offset, 0xff, length);
    return true;
}

bool port_flash_sync(enum port_flash_area_id id) {
    return id == PORT_FLASH_STATE && msync(area, AREA_SIZE, MS_SYNC) == 0;
}
