/*
 * flash.c: the flash areas as a file, one after the other, or as memory that survives resets. Programming
 * that would set a bit is refused: on a real board it would corrupt silently. An operation in the background
 * takes as long as --flash-ms says.
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
#include "flash_list.h"

#define INHERITED "OBSCURA_STATE_FD"

/* The operation in the background. */
static struct {
    enum port_flash_outcome outcome;
    enum port_flash_area_id area;
    uint32_t offset;
    const void *bytes; /* NULL to erase */
    uint32_t length;
} operation = {.outcome = PORT_FLASH_DONE};

static uint8_t *flash;

static int open_memory(void) {
    const char *inherited = getenv(INHERITED);
    if (inherited)
        return atoi(inherited);
    int fd = memfd_create("obscura-state", 0);
    char text[16];
    snprintf(text, sizeof text, "%d", fd);
    setenv(INHERITED, text, 1);
    return fd;
}

/* Whether a file of this size is the first areas of the list, the last of them perhaps before it grew. */
static bool is_whole(uint32_t size) {
    if (size == 0 || size == flash_list_start(PORT_FLASH_AREAS))
        return true;
    for (unsigned area = 1; area < PORT_FLASH_AREAS; area++) {
        uint32_t start = flash_list_start((enum port_flash_area_id)area);
        if (size >= start && size < flash_list_start((enum port_flash_area_id)(area + 1)))
            return (size - start) % port_flash_area((enum port_flash_area_id)area)->erase_unit == 0;
    }
    return false;
}

void flash_start(void) {
    const char *path = host_options()->state;
    uint32_t total = flash_list_start(PORT_FLASH_AREAS);
    struct stat status;
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : open_memory();
    if (fd < 0 || fstat(fd, &status) != 0)
        host_fail("--state: %s: %s", path ? path : "memory", strerror(errno));
    uint32_t size = status.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)status.st_size;
    if (!is_whole(size))
        host_fail("--state: %s: not the flash of this board, which has %u bytes", path ? path : "memory",
                  total);
    if (size != total && ftruncate(fd, total) != 0)
        host_fail("--state: %s", strerror(errno));
    flash = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (flash == MAP_FAILED)
        host_fail("--state: %s", strerror(errno));
    memset(flash + size, 0xff, total - size);
    if (path)
        close(fd);
}

static uint8_t *cells(enum port_flash_area_id area, uint32_t offset) {
    return flash + flash_list_start(area) + offset;
}

/* The bytes of an operation that are done before the supply goes, if it goes: half of them. */
static uint32_t before_cut(uint32_t length, bool *is_cut) {
    uint32_t cut_at = host_options()->cut_at;
    *is_cut = host_count_flash_operation() == cut_at && cut_at != 0;
    return *is_cut ? length / 2 : length;
}

static void cut(void) {
    static const char line[] = "board: the supply is gone\n";
    port_console_write(line, sizeof line - 1);
    _exit(4);
}

static bool program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    uint8_t *to = cells(area, offset);
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < length; i++)
        if (from[i] & ~to[i])
            return false;
    bool is_cut;
    memcpy(to, from, before_cut(length, &is_cut));
    if (is_cut)
        cut();
    return true;
}

static void erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    bool is_cut;
    memset(cells(area, offset), 0xff, before_cut(length, &is_cut));
    if (is_cut)
        cut();
}

static bool can_program(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    return area < PORT_FLASH_AREAS &&
           flash_list_fits(area, offset, length, port_flash_area(area)->program_unit);
}

static bool can_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    return area < PORT_FLASH_AREAS &&
           flash_list_fits(area, offset, length, port_flash_area(area)->erase_unit);
}

/* ---- in the background ---- */

void flash_finish(void) {
    if (operation.outcome != PORT_FLASH_BUSY)
        return;
    bool done = true;
    if (operation.bytes)
        done = program(operation.area, operation.offset, operation.bytes, operation.length);
    else
        erase(operation.area, operation.offset, operation.length);
    operation.outcome = done ? PORT_FLASH_DONE : PORT_FLASH_FAILED;
    host_flash_timer(0);
    port_event_post(PORT_EVENT_FLASH);
}

static bool begin(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (operation.outcome == PORT_FLASH_BUSY)
        return false;
    operation.outcome = PORT_FLASH_BUSY;
    operation.area = area;
    operation.offset = offset;
    operation.bytes = bytes;
    operation.length = length;
    if (host_options()->flash_ms == 0)
        flash_finish();
    else
        host_flash_timer(host_options()->flash_ms);
    return true;
}

bool port_flash_begin_program(enum port_flash_area_id area, uint32_t offset, const void *bytes,
                              uint32_t length) {
    return can_program(area, offset, length) && begin(area, offset, bytes, length);
}

bool port_flash_begin_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    return can_erase(area, offset, length) && begin(area, offset, NULL, length);
}

enum port_flash_outcome port_flash_outcome(void) {
    return operation.outcome;
}

/* ---- at once ---- */

const void *port_flash_map(enum port_flash_area_id area) {
    return area < PORT_FLASH_AREAS ? cells(area, 0) : NULL;
}

bool port_flash_read(enum port_flash_area_id area, uint32_t offset, void *bytes, uint32_t length) {
    if (!flash_list_fits(area, offset, length, 1))
        return false;
    flash_finish();
    memcpy(bytes, cells(area, offset), length);
    return true;
}

bool port_flash_program(enum port_flash_area_id area, uint32_t offset, const void *bytes, uint32_t length) {
    if (!can_program(area, offset, length))
        return false;
    flash_finish();
    return program(area, offset, bytes, length);
}

bool port_flash_erase(enum port_flash_area_id area, uint32_t offset, uint32_t length) {
    if (!can_erase(area, offset, length))
        return false;
    flash_finish();
    erase(area, offset, length);
    return true;
}

bool port_flash_sync(enum port_flash_area_id area) {
    flash_finish();
    return area < PORT_FLASH_AREAS && msync(flash, flash_list_start(PORT_FLASH_AREAS), MS_SYNC) == 0;
}
