/*
 * bundles.c: the parsers of signed bundles, containers and the slots' state, fed by bundles.ts, compiled with
 * sanitizers. Its lines:
 *
 *   board NAME, key KIND HASH BYTES, root KIND HASH BYTES   see lines.h
 *   secret HEX, root-secret HEX   seeds of key 0 and of the root key, to sign what is altered (SIGNED)
 *   digest HEX                    what SIGNATURE is held against, with key 1
 *   honest HEX                    a bundle that every camera must take at the end
 *   input HEX …                   packets, each with its operation in its first byte, on a camera with an
 * erased flash
 *
 * Each input is answered with one line: a word for each packet, or "fault: …". Packets lie in memory of
 * exactly their size, so that a sanitizer sees what reads beyond.
 */
#define _POSIX_C_SOURCE 200809L
#include <monocypher-ed25519.h>
#include <stdarg.h>
#include <stdlib.h>

#include "bundle.h"
#include "lines.h"
#include "slots_camera.h"

/* As in bundles.ts. The first are parsers. */
enum operation {
    FRAME,     /* bytes: header and TLVs */
    MANIFEST,  /* bytes: a body that counts as verified */
    REVOKE,    /* bytes: the same, of the root key */
    CONTAINER, /* REPAIR_*, bytes: an application's container */
    SIGNATURE, /* bytes: ECDSA's, in DER */
    UPLOAD,    /* slot, bytes: a file, verified and uploaded */
    SIGNED, /* slot | ROOT_SIGNS, bytes: header, body, protected TLVs, to which right TLVs are added; the same
             */
    FLASH,  /* offset (2, little-endian), bytes: as the flash is then, whatever it was */
    STATE,  /* offset, bytes: a state with these bytes in it, and a right checksum */
    MARK,   /* slot, whether it is permanent */
    UNMARK,
    START, /* enum port_reset_cause */
    CONFIRM,
    REVERT, /* enum slots_revert */
};
enum { REPAIR_TARGET = 1, REPAIR_CHECKSUM = 2 };
enum { ROOT_SIGNS = 2 };
#define PACKET_MAX 8192u

static char line[1 << 20];
static uint8_t secrets[2][64]; /* of key 0 and of the root key */
static uint8_t digest[SIGNED_HASH_SIZE];
static uint8_t honest[SLOT_UNITS * UNIT];
static uint32_t honest_size;

/* ---- what must hold ---- */

static char fault[200];

static void check(bool holds, const char *format, ...) {
    if (holds || fault[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault, sizeof fault, format, arguments);
    va_end(arguments);
}

static bool is_within(const uint8_t *at, size_t size, const uint8_t *bytes, size_t whole) {
    return at >= bytes && (size_t)(at - bytes) <= whole && size <= whole - (size_t)(at - bytes);
}

static void check_frame(const struct signed_bundle *bundle, const uint8_t *bytes, size_t size) {
    bool is_signed = bundle->ed25519 ? is_within(bundle->ed25519, 64, bytes, bundle->length)
                                     : is_within(bundle->ecdsa, bundle->ecdsa_size, bytes, bundle->length);
    check(bundle->length <= size && bundle->signed_size <= bundle->length &&
              bundle->body_size <= bundle->signed_size - SIGNED_HEADER_SIZE &&
              is_within(bundle->digest, SIGNED_HASH_SIZE, bytes, bundle->length) &&
              is_within(bundle->key_hash, SIGNED_HASH_SIZE, bytes, bundle->length) && is_signed,
          "a frame passes its end");
}

/* ---- containers ---- */

/* Names and entries end where they say; a sanitizer looks. */
static void walk(const struct bundle *bundle, const uint8_t *bytes, size_t size) {
    const char *own = bundle->own;
    const uint8_t *borrowed = bundle->borrowed;
    for (unsigned i = 0; i < bundle->own_count; i++)
        own += strlen(own) + 1;
    for (unsigned i = 0; i < bundle->borrowed_count; i++) {
        uint16_t id;
        const char *name;
        borrowed = bundle_borrowed(borrowed, &id, &name);
    }
    check(bundle->length <= size && is_within(bundle->code, bundle->code_size, bytes, bundle->length) &&
              is_within((const uint8_t *)own, 0, bytes, bundle->length) &&
              is_within(borrowed, 0, bytes, bundle->length) &&
              is_within((const uint8_t *)bundle->name, strlen(bundle->name), bytes, bundle->length),
          "a container passes its end");
}

static void repair(uint8_t *bytes, size_t size, unsigned what) {
    static const uint8_t engine[] = {1, 2, 3};
    if (size < BUNDLE_HEADER_SIZE)
        return;
    if (what & REPAIR_TARGET) {
        uint64_t interface_digest = bundle_interface_digest();
        memcpy(bytes + 8, engine, sizeof engine);
        for (unsigned i = 0; i < 8; i++)
            bytes[16 + i] = (uint8_t)(interface_digest >> 8 * i);
    }
    uint32_t length = bundle_get32(bytes + 12);
    if (what & REPAIR_CHECKSUM && length <= size && length >= BUNDLE_TRAILER_SIZE) {
        uint32_t crc = bundle_crc32(bytes, length - BUNDLE_TRAILER_SIZE);
        for (unsigned i = 0; i < 4; i++)
            bytes[length - BUNDLE_TRAILER_SIZE + i] = (uint8_t)(crc >> 8 * i);
    }
}

static bool open_container(const uint8_t *bytes, size_t size, unsigned what) {
    uint8_t *copy = exact(bytes, size);
    struct bundle opened, read;
    repair(copy, size, what);
    bool is_opened = !bundle_open(&opened, copy, size);
    bool is_read = !bundle_read(&read, copy, size);
    check(is_read || !is_opened, "a container with a right checksum is read otherwise");
    if (is_read)
        walk(&read, copy, size);
    free(copy);
    return is_opened;
}

/* As update.c has it, for containers that say they are for this camera. */
static const struct refusal *accept_container(const uint8_t *bytes, size_t size) {
    REFUSAL(unreadable, "malformed", "is no container");
    return open_container(bytes, size, REPAIR_TARGET | REPAIR_CHECKSUM) ? NULL : &unreadable;
}

/* ---- files ---- */

/* Verifies at once and in steps, and prints what it is. */
static void verify(const uint8_t *bytes, size_t size) {
    uint8_t *copy = exact(bytes, size);
    struct signed_bundle bundle, again;
    struct signed_check steps;
    const struct refusal *why = signed_bundle_open(&bundle, copy, size, &target);
    signed_check_begin(&steps, &again, copy, size, &target);
    while (!signed_check_step(&steps, 64))
        ;
    check(!why == !signed_check_problem(&steps), "verified in steps, it is otherwise");
    if (!why) {
        check_frame(&bundle, copy, size);
        check(bundle.key == target.root || !slots_is_revoked(bundle.key_hash), "a revoked key is taken");
        check(!bundle.container == !!bundle.revoked &&
                  (bundle.revoked
                       ? bundle.key == target.root && is_within(bundle.revoked, SIGNED_HASH_SIZE, copy, size)
                       : bundle.key != target.root &&
                             is_within(bundle.container, bundle.container_size, copy, size)),
              "a bundle is neither an application nor a revocation");
        printf("%s:%u:%u ", bundle.revoked ? "revocation" : "file", (unsigned)bundle.length,
               (unsigned)bundle.counter);
    } else
        printf("- ");
    free(copy);
}

static void put16(uint8_t **at, unsigned value) {
    *(*at)++ = (uint8_t)value;
    *(*at)++ = (uint8_t)(value >> 8);
}

static void put_entry(uint8_t **at, unsigned type, const uint8_t *value, unsigned size) {
    put16(at, type);
    put16(at, size);
    memcpy(*at, value, size);
    *at += size;
}

/* Adds TLVs that are right for what is there. Returns the size of all. */
static size_t sign(uint8_t *bytes, size_t size, bool is_root) {
    const struct signed_key *key = is_root ? &root : &keys[0];
    uint8_t hash[SIGNED_HASH_SIZE], signature[64];
    mbedtls_sha256(bytes, size, hash, 0);
    crypto_ed25519_sign(signature, secrets[is_root], hash, sizeof hash);
    uint8_t *at = bytes + size;
    put16(&at, 0x6907);
    put16(&at, 4 + 3 * 4 + 2 * SIGNED_HASH_SIZE + sizeof signature);
    put_entry(&at, 0x10, hash, sizeof hash);
    put_entry(&at, 0x01, key->hash, SIGNED_HASH_SIZE);
    put_entry(&at, 0x24, signature, sizeof signature);
    return (size_t)(at - bytes);
}

static void take_file(unsigned slot, const uint8_t *bytes, size_t size) {
    verify(bytes, size);
    if (size <= slots_size())
        upload(slot & 1, bytes, (uint32_t)size);
}

/* ---- the camera ---- */

static uint32_t floor_known;
/* Whether the flash below what runs has been changed otherwise than by what runs. */
static bool is_foreign;

static void ignore(const char *text) {
    (void)text;
}

static bool has_digest(const uint8_t expected[SIGNED_HASH_SIZE]) {
    return memcmp(running.bundle.digest, expected, SIGNED_HASH_SIZE) == 0;
}

static void start(enum port_reset_cause cause) {
    bool was_on_trial;
    slots_choose(&running, &target, cause, ignore, &was_on_trial);
    const struct slots_state *state = slots_state();
    check(is_foreign || state->floor >= floor_known, "the floor falls");
    floor_known = state->floor;
    is_foreign = false;
    const char *why = slots_revert_text(state->revert);
    check(!why || strlen(why) > 0, "a trial that ended without a reason");
    check(!(running.is_trial && was_on_trial), "a trial begins and ends with one start");
    check(!running.is_trial || running.slot < SLOTS, "the shipped application is on trial");
    if (running.slot == SLOT_SHIPPED)
        return;
    struct signed_bundle again;
    bool verifies =
        running.slot < SLOTS && !signed_bundle_open(&again, slots_bytes(running.slot), slots_size(), &target);
    check(verifies && !again.revoked && again.counter >= state->floor, "what starts does not verify");
    check(!slots_is_revoked(again.key_hash), "what starts has a revoked key");
    check(!running.is_trial || (state->trial == TRIAL_BEGUN && has_digest(state->trial_digest)),
          "a trial that nobody asked for");
}

/* Whatever it was: it ends with what is confirmed, and an honest update is taken, tried, confirmed, and runs.
 */
static void end_honestly(void) {
    const char *problem = "";
    start(PORT_RESET_SOFTWARE);
    if (running.is_trial)
        start(PORT_RESET_SOFTWARE);
    check(!running.is_trial, "a second start goes on with the trial");
    /* Which no firmware writes: a state may say that no bundle is new enough, or that no key is left. */
    if (slots_state()->floor > 9 || slots_is_revoked(keys[0].hash))
        return;
    unsigned slot = free_slot();
    check(upload(slot, honest, honest_size), "an honest upload is refused");
    if (running.slot < SLOTS && memcmp(slots_bytes(running.slot), honest, honest_size) == 0)
        return;
    check(mark(slot, false, &problem), "an honest bundle is refused: %s", problem);
    start(PORT_RESET_SOFTWARE);
    check(running.is_trial && running.slot == slot, "an honest trial does not begin");
    check(!slots_confirm(&running), "an honest trial cannot be confirmed");
    start(PORT_RESET_POWER_ON);
    check(!running.is_trial && running.slot == slot, "what was confirmed does not run");
}

/* ---- inputs ---- */

static void patch_state(const uint8_t *bytes, size_t size) {
    struct slots_state state = *slots_state();
    if (size < 1 || bytes[0] >= sizeof state)
        return;
    size_t length = size - 1 < sizeof state - bytes[0] ? size - 1 : sizeof state - bytes[0];
    memcpy((uint8_t *)&state + bytes[0], bytes + 1, length);
    slots_write(&state);
    is_foreign = true;
}

static void put_flash(const uint8_t *bytes, size_t size) {
    if (size < 2)
        return;
    uint32_t offset = bundle_get16(bytes);
    if (offset < SIZE)
        memcpy(cells + offset, bytes + 2, size - 2 < SIZE - offset ? size - 2 : SIZE - offset);
    is_foreign = true;
}

static void say(bool holds, const char *word) {
    printf("%s ", holds ? word : "-");
}

typedef bool (*parser)(const uint8_t *bytes, size_t size);

static bool read_frame(const uint8_t *bytes, size_t size) {
    struct signed_bundle bundle;
    if (signed_frame_read(&bundle, bytes, size))
        return false;
    check_frame(&bundle, bytes, size);
    return true;
}

static bool read_manifest(const uint8_t *bytes, size_t size) {
    struct signed_bundle bundle = {0};
    target.accepts = NULL;
    bool is_read = !signed_manifest_read(&bundle, bytes, (uint32_t)size, &target);
    target.accepts = accept_container;
    if (is_read)
        check(is_within(bundle.container, bundle.container_size, bytes, size), "a manifest passes its end");
    return is_read;
}

static bool read_revocation(const uint8_t *bytes, size_t size) {
    struct signed_bundle bundle = {0};
    if (signed_revocation_read(&bundle, bytes, (uint32_t)size))
        return false;
    check(is_within(bundle.revoked, SIGNED_HASH_SIZE, bytes, size), "a revocation passes its end");
    return true;
}

static bool read_signature(const uint8_t *bytes, size_t size) {
    return signature_verify(&keys[1], bytes, size, digest);
}

static bool read_container(const uint8_t *bytes, size_t size) {
    return open_container(bytes, size, REPAIR_TARGET);
}

/* What reads lengths reads each beginning too: one that ends in the middle of anything. */
static void read_beginnings(enum operation operation, const uint8_t *bytes, size_t size) {
    static const parser parsers[] = {read_frame, read_manifest, read_revocation, read_container,
                                     read_signature};
    for (size_t length = 0; operation <= SIGNATURE && length < size; length++) {
        uint8_t *copy = exact(bytes, length);
        parsers[operation](copy, length);
        free(copy);
    }
}

/* `bytes` are what follows the operation; `first` is the first of them, or 0. */
static void perform(enum operation operation, const uint8_t *bytes, size_t size, unsigned first) {
    const char *problem;
    const uint8_t *rest = bytes + (size > 0);
    size_t rest_size = size - (size > 0);
    static uint8_t file[PACKET_MAX + 256];
    switch (operation) {
    case FRAME:
        return say(read_frame(bytes, size), "frame");
    case MANIFEST:
        return say(read_manifest(bytes, size), "manifest");
    case REVOKE:
        return say(read_revocation(bytes, size), "revoke");
    case CONTAINER:
        return say(open_container(rest, rest_size, first), "container");
    case SIGNATURE:
        return say(read_signature(bytes, size), "signature");
    case UPLOAD:
        return take_file(first, rest, rest_size);
    case SIGNED:
        memcpy(file, rest, rest_size);
        return take_file(first, file, sign(file, rest_size, first & ROOT_SIGNS));
    case FLASH:
        put_flash(bytes, size);
        return say(true, "flash");
    case STATE:
        patch_state(bytes, size);
        return say(true, "state");
    case MARK:
        return say(mark(first & 1, rest_size > 0 && rest[0] & 1, &problem), "marked");
    case UNMARK:
        return say(!slots_unmark(), "unmarked");
    case START:
        start(first % (PORT_RESET_WAKE_BUTTON + 1));
        return say(running.is_trial, "trial");
    case CONFIRM: {
        bool is_trial = running.is_trial;
        check(!slots_confirm(&running), "the confirmation cannot be written");
        return say(is_trial, "confirmed");
    }
    case REVERT:
        return say(running.is_trial && slots_revert(first % REVERTS), "reverted");
    }
    say(false, "");
}

static void take_packet(const char *text, size_t digits) {
    static uint8_t packet[PACKET_MAX];
    size_t size = from_hex(text, packet, digits / 2 < sizeof packet ? digits / 2 : sizeof packet);
    if (size == 0)
        return say(false, "");
    uint8_t *copy = exact(packet + 1, size - 1);
    perform(packet[0], copy, size - 1, size > 1 ? copy[0] : 0);
    read_beginnings(packet[0], copy, size - 1);
    free(copy);
}

static void take_input(const char *text) {
    fault[0] = 0;
    floor_known = 0;
    is_foreign = false;
    memset(cells, 0xff, sizeof cells);
    start(PORT_RESET_POWER_ON);
    while (*text) {
        size_t digits = strcspn(text, " \n");
        if (digits > 0)
            take_packet(text, digits);
        text += digits + (text[digits] != 0);
    }
    end_honestly();
    if (fault[0])
        printf("fault: %s", fault);
    printf("\n");
    fflush(stdout);
}

static void take_secret(uint8_t secret[64], const char *text) {
    uint8_t seed[32], public[32];
    from_hex(text, seed, sizeof seed);
    crypto_ed25519_key_pair(secret, public, seed);
}

int main(void) {
    target.is_revoked = slots_is_revoked;
    target.accepts = accept_container;
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "secret ", 7) == 0)
            take_secret(secrets[0], line + 7);
        else if (strncmp(line, "root-secret ", 12) == 0)
            take_secret(secrets[1], line + 12);
        else if (strncmp(line, "digest ", 7) == 0)
            from_hex(line + 7, digest, sizeof digest);
        else if (strncmp(line, "honest ", 7) == 0)
            honest_size = (uint32_t)from_hex(line + 7, honest, sizeof honest);
        else if (strncmp(line, "input", 5) == 0)
            take_input(line + 5);
        else if (!take_target_line(line))
            return 1;
    }
    return 0;
}
