/*
 * shipped.c: the application of an image without the feature `update`. The image has no way to change it but
 * the debug port, by which whoever could write an application could write the image too. So it is held
 * against its checksum, which finds damage (docs/decisions/0009-update-feature.md), and its signature is not
 * looked at.
 */
#include <stdio.h>
#include <string.h>

#include "runtime.h"
#include "signed_bundle.h"
#include "update.h"

static const char *open_shipped(struct bundle *application, const uint8_t *bytes, size_t size) {
    struct signed_bundle file;
    struct signed_target target = {.board = BOARD_NAME,
                                   .engine = {XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION}};
    uint64_t digest = bundle_interface_digest();
    for (unsigned i = 0; i < sizeof target.interface_digest; i++)
        target.interface_digest[i] = (uint8_t)(digest >> 8 * i);
    const struct refusal *why = signed_frame_read(&file, bytes, size);
    if (!why)
        why = signed_manifest_read(&file, bytes + SIGNED_HEADER_SIZE, file.body_size, &target);
    return why ? why->text : bundle_open(application, file.container, file.container_size);
}

bool update_find_application(struct bundle *application, char *problem, size_t size) {
    size_t most;
    const void *bytes = port_application(&most);
    if (!bytes) {
        snprintf(problem, size, "there is no application");
        return false;
    }
    const char *why = open_shipped(application, bytes, most);
    if (why)
        snprintf(problem, size, "the application %s", why);
    return why == NULL;
}

void update_cannot_run(void) {}

uint64_t update_next(void) {
    return PORT_NEVER;
}

void update_due(void) {}

void update_sleep(uint64_t wake_us, uint32_t sources) {
    port_deep_sleep(wake_us, sources);
}
