/*
 * slots_lines.c: the slots on a flash in memory that can lose its supply at any operation.
 *
 *   board NAME, key KIND HASH BYTES   see lines.h
 *   bundle N HEX                      keeps a bundle; 0 to 3
 *   cuts                              updates and reverts, cut at each operation of flash
 *   flips                             bits of the state the other way, with a bundle confirmed
 *   states N                          N states whose checksum is right, and whose bytes are anything
 *   rules                             what is refused, and how the counter's floor moves
 *   tampering                         bundle 0, each byte altered before each look at it
 *   revocation                        bundle 0 is confirmed; 1 revokes its key; 2 has another; 3 is the
 * root's
 *
 * `cuts`, `flips` and `tampering` print "N runs" and a line for each run after which something did not hold.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdlib.h>

#include "bundle.h"
#include "lines.h"
#include "slots_camera.h"

#define BUNDLES 4

static bool talkative;

static void report(const char *text) {
    if (talkative)
        printf("%s\n", text);
}

/* ---- a camera ---- */

static uint8_t bundles[BUNDLES][SLOT_UNITS * UNIT];
static uint32_t sizes[BUNDLES];

/* What must still hold, whatever is cut. Not volatile: they change between operations only, and live in
 * memory. */
static struct {
    uint8_t confirmed[SIGNED_HASH_SIZE];  /* zeros: the shipped one */
    uint8_t confirming[SIGNED_HASH_SIZE]; /* may be confirmed already */
    bool is_confirming;
    uint32_t floor;
} known;

static unsigned problems;

static void check(bool holds, const char *format, ...) {
    if (holds)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("cut at %u of quarter %u: ", cut_at, cut_quarters);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    problems++;
}

static bool upload_bundle(unsigned slot, unsigned number) {
    return upload(slot, bundles[number], sizes[number]);
}

static void start(bool is_wake) {
    bool was_on_trial;
    slots_choose(&running, &target, is_wake ? PORT_RESET_WAKE_TIMER : PORT_RESET_SOFTWARE, report,
                 &was_on_trial);
    check(slots_state()->floor >= known.floor, "the floor fell from %u to %u", (unsigned)known.floor,
          (unsigned)slots_state()->floor);
    known.floor = slots_state()->floor;
    if (running.slot == SLOT_SHIPPED)
        return;
    struct signed_bundle again;
    const struct refusal *why = signed_bundle_open(&again, slots_bytes(running.slot), slots_size(), &target);
    check(why == NULL, "what runs %s", why ? why->text : "");
}

static void confirm(void) {
    if (!running.is_trial)
        return;
    memcpy(known.confirming, running.bundle.digest, SIGNED_HASH_SIZE);
    known.is_confirming = true;
    const struct refusal *problem = slots_confirm(&running);
    check(!problem, "confirming failed: %s", problem ? problem->text : "");
    memcpy(known.confirmed, known.confirming, SIGNED_HASH_SIZE);
    known.is_confirming = false;
    known.floor = slots_state()->floor;
}

/* Uploads a bundle and tries it; `confirmed` or reverted. */
static void update(unsigned number, bool is_confirmed) {
    const char *problem = "the upload failed";
    unsigned slot = free_slot();
    bool done = upload_bundle(slot, number) && mark(slot, false, &problem);
    check(done, "%s", problem);
    start(false);
    check(running.is_trial, "the trial does not begin");
    start(true);
    check(running.is_trial, "a wake ends the trial");
    if (is_confirmed)
        confirm();
    start(false);
    check(!running.is_trial, "a reset does not end the trial");
}

static void power_on_with_new_flash(void) {
    memset(cells, 0xff, sizeof cells);
    memset(&known, 0, sizeof known);
    operations = 0;
    cut_at = 0;
    start(false);
}

static bool runs(const uint8_t digest[SIGNED_HASH_SIZE]) {
    static const uint8_t none[SIGNED_HASH_SIZE];
    if (memcmp(digest, none, sizeof none) == 0)
        return running.slot == SLOT_SHIPPED;
    return running.slot != SLOT_SHIPPED && memcmp(running.bundle.digest, digest, SIGNED_HASH_SIZE) == 0;
}

/* After a cut: the trial may begin once; then what was confirmed runs, and another update works. */
static void recover(void) {
    cut_at = 0;
    start(false);
    if (running.is_trial)
        start(false);
    check(!running.is_trial, "a second start goes on with the trial");
    check(runs(known.confirmed) || (known.is_confirming && runs(known.confirming)),
          "the confirmed bundle is lost");
    if (running.slot == SLOT_SHIPPED)
        memset(known.confirmed, 0, SIGNED_HASH_SIZE);
    else
        memcpy(known.confirmed, running.bundle.digest, SIGNED_HASH_SIZE);
    known.is_confirming = false;
    update(3, true);
    check(running.slot != SLOT_SHIPPED && running.bundle.counter == 9, "the next update does not run");
}

/* Twice confirmed, once reverted, and the state's units changed on the way. */
static void story(void) {
    update(0, true);
    update(1, false);
    update(1, true);
    for (int i = 0; i < 8; i++)
        update(2, false);
    update(2, true);
}

/* In a function of its own: what longjmp returns to has no variables that change. */
static void story_until_cut(void) {
    if (setjmp(power_off) == 0)
        story();
}

static void try_cuts(void) {
    power_on_with_new_flash();
    story();
    unsigned last = operations, count = 0;
    check(problems == 0, "the story itself fails");
    for (unsigned at = 1; at <= last; at++) {
        for (unsigned quarters = 0; quarters <= 4; quarters += 2) {
            count++;
            power_on_with_new_flash();
            cut_at = at + operations;
            cut_quarters = quarters;
            story_until_cut();
            recover();
        }
    }
    printf("%u runs\n", count);
}

static void try_flips(void) {
    static uint8_t kept[SIZE];
    unsigned count = 0;
    power_on_with_new_flash();
    update(0, true);
    update(1, true);
    memcpy(kept, cells, SIZE);
    uint32_t floor = known.floor;
    uint32_t end = 2 * UNIT;
    while (kept[end - 1] == 0xff)
        end--;
    /* Each bit of the newest state, which lies there twice, and one of each byte of older ones. */
    uint32_t newest = end - 512;
    for (uint32_t bit = 0; bit < end * 8; bit += bit / 8 < newest ? 9 : 1) {
        memcpy(cells, kept, SIZE);
        /* What is still erased says nothing. */
        if (cells[bit / 8] == 0xff)
            continue;
        count++;
        cells[bit / 8] ^= (uint8_t)(1 << bit % 8);
        known.floor = floor;
        start(false);
        check(runs(known.confirmed), "bit %u: another bundle runs", (unsigned)bit);
        const char *problem;
        check(upload_bundle(free_slot(), 2) && mark(free_slot(), false, &problem),
              "bit %u: no update is taken", (unsigned)bit);
    }
    printf("%u runs\n", count);
}

static uint32_t draw(uint32_t below) {
    static uint64_t seed = 1;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* What no code of ours has written, with a right checksum: what runs must still verify, and an update begin.
 */
static void try_states(unsigned count) {
    enum { RECORD = 256, CRC_AT = 252 };
    static uint8_t kept[SIZE];
    power_on_with_new_flash();
    update(0, true);
    update(1, false);
    memcpy(kept, cells, SIZE);
    uint32_t end = 2 * UNIT;
    while (kept[end - 1] == 0xff)
        end--;
    uint32_t newest = (end - 1) / RECORD * RECORD;
    for (unsigned run = 0; run < count; run++) {
        memcpy(cells, kept, SIZE);
        uint8_t *record = cells + newest;
        /* Behind magic and sequence number. */
        for (uint32_t change = 0; change <= draw(4); change++)
            record[8 + (draw(2) ? draw(8) : draw(CRC_AT - 8))] = (uint8_t)(draw(2) ? draw(4) : draw(256));
        uint32_t crc = bundle_crc32(record, CRC_AT);
        for (int i = 0; i < 4; i++)
            record[CRC_AT + i] = (uint8_t)(crc >> 8 * i);
        memset(&known, 0, sizeof known);
        start(draw(2));
        if (running.is_trial)
            start(false);
        const char *problem = "";
        unsigned slot = free_slot();
        if (slots_state()->floor <= 9)
            check(upload_bundle(slot, 3) && mark(slot, false, &problem), "state %u: no update is taken: %s",
                  run, problem);
    }
    printf("%u runs\n", count);
}

static void say_mark(unsigned slot) {
    const char *problem;
    printf("%s\n", mark(slot, false, &problem) ? "marked" : problem);
}

static void show(void) {
    start(false);
    const struct slots_state *state = slots_state();
    printf("runs %d trial %d confirmed %d floor %u\n", running.slot == SLOT_SHIPPED ? -1 : running.slot,
           running.is_trial, state->confirmed == SLOT_SHIPPED ? -1 : state->confirmed,
           (unsigned)state->floor);
}

static void try_rules(void) {
    talkative = true;
    power_on_with_new_flash();
    say_mark(0);
    upload_bundle(0, 1);
    say_mark(0);
    show();
    say_mark(1);
    confirm();
    show();
    say_mark(0);
    printf("free %d %d\n", !slots_writable(0, &running), !slots_writable(1, &running));
    upload_bundle(1, 0);
    say_mark(1);
    upload_bundle(1, 2);
    say_mark(1);
    printf("free %d %d\n", !slots_writable(0, &running), !slots_writable(1, &running));
    cells[slots_offset(1) + 40] ^= 1;
    show();
    cells[slots_offset(0) + 40] ^= 1;
    show();
    cells[slots_offset(1) + 40] ^= 1;
    show();
}

/* What the start said last that was about a slot. */
static char said[200];

static void keep_said(const char *text) {
    if (said[0] == '\0')
        snprintf(said, sizeof said, "%s", text);
}

/* A start after which only what shipped may run, and whose first line gives a reason. */
static void start_to_shipped(const char *beginning, const char *when, uint32_t at) {
    bool was_on_trial;
    said[0] = '\0';
    slots_choose(&running, &target, PORT_RESET_SOFTWARE, keep_said, &was_on_trial);
    check(running.slot == SLOT_SHIPPED, "byte %u, %s: it runs", (unsigned)at, when);
    size_t length = strlen(beginning);
    check(strncmp(said, beginning, length) == 0 && strlen(said) > length, "byte %u, %s: the reason is \"%s\"",
          (unsigned)at, when, said);
}

static const struct refusal *verify_upload(unsigned slot) {
    static struct signed_bundle bundle;
    static struct signed_check state;
    signed_check_begin(&state, &bundle, slots_bytes(slot), slots_size(), &target);
    while (!signed_check_step(&state, SIGNED_STEP_SIZE))
        ;
    return signed_check_problem(&state);
}

/* Each byte of a bundle the other way: after the upload, before the mark, between mark and trial, and once it
 * is confirmed. The flash of each moment is made once. */
static void try_tampering(void) {
    static uint8_t uploaded[SIZE], marked[SIZE], confirmed[SIZE];
    const char *problem = "";
    unsigned count = 0;
    power_on_with_new_flash();
    check(upload_bundle(0, 0), "the upload failed");
    check(verify_upload(0) == NULL, "the upload is not taken");
    memcpy(uploaded, cells, SIZE);
    check(mark(0, false, &problem), "no mark: %s", problem);
    memcpy(marked, cells, SIZE);
    start(false);
    check(running.is_trial, "the trial does not begin");
    confirm();
    memcpy(confirmed, cells, SIZE);
    start(false);
    check(running.slot == 0, "the confirmed bundle does not run");
    const uint8_t masks[] = {0x01, 0x80, 0xff};
    for (uint32_t at = 0; at < sizes[0]; at++) {
        uint8_t mask = masks[at % 3];
        uint32_t byte = slots_offset(0) + at;
        count++;
        /* From before the confirmation. */
        known.floor = 0;
        memcpy(cells, uploaded, SIZE);
        cells[byte] ^= mask;
        start(false);
        const struct refusal *why = verify_upload(0);
        check(why && why->code[0] && why->text[0], "byte %u: the upload is taken", (unsigned)at);
        problem = "";
        check(!mark(0, false, &problem) && problem[0], "byte %u: it is marked", (unsigned)at);
        check(slots_state()->trial == TRIAL_NONE, "byte %u: the mark is kept", (unsigned)at);
        memcpy(cells, marked, SIZE);
        cells[byte] ^= mask;
        start_to_shipped("update: the trial of slot 0 has ended: its bundle ", "marked", at);
        memcpy(cells, confirmed, SIZE);
        cells[byte] ^= mask;
        start_to_shipped("update: the confirmed bundle ", "confirmed", at);
    }
    /* As it was, it runs: the others are refused for what was altered. */
    memcpy(cells, confirmed, SIZE);
    start(false);
    check(running.slot == 0, "the confirmed bundle does not run any more");
    printf("%u runs\n", count);
}

static void try_revocation(void) {
    talkative = true;
    target.is_revoked = slots_is_revoked;
    power_on_with_new_flash();
    upload_bundle(0, 0);
    say_mark(0);
    show();
    confirm();
    /* An application of the root key, and a revocation, which is no application to run. */
    upload_bundle(1, 3);
    say_mark(1);
    upload_bundle(1, 1);
    say_mark(1);
    printf("trial %d revoked %d\n", slots_state()->trial, slots_state()->revoked_count);
    say_mark(1);
    printf("revoked %d\n", slots_state()->revoked_count);
    show();
    upload_bundle(1, 0);
    say_mark(1);
    upload_bundle(1, 2);
    say_mark(1);
    show();
    confirm();
    show();
    /* The key that is left. */
    uint8_t *hash = keys[1].hash;
    struct signed_bundle last = {.revoked = hash};
    const struct refusal *why = slots_mark(0, false, &last, &running, &target);
    printf("%s\n", why ? why->text : "revoked");
    last.revoked = root.hash;
    why = slots_mark(0, false, &last, &running, &target);
    printf("%s\n", why ? why->text : "revoked");
}

static char line[2 * FILE_MAX + 100];

int main(void) {
    unsigned number;
    int at;
    while (fgets(line, sizeof line, stdin)) {
        if (take_target_line(line))
            continue;
        if (sscanf(line, "bundle %u %n", &number, &at) == 1 && number < BUNDLES)
            sizes[number] = (uint32_t)from_hex(line + at, bundles[number], sizeof bundles[number]);
        else if (strncmp(line, "cuts", 4) == 0)
            try_cuts();
        else if (strncmp(line, "flips", 5) == 0)
            try_flips();
        else if (sscanf(line, "states %u", &number) == 1)
            try_states(number);
        else if (strncmp(line, "rules", 5) == 0)
            try_rules();
        else if (strncmp(line, "tampering", 9) == 0)
            try_tampering();
        else if (strncmp(line, "revocation", 10) == 0)
            try_revocation();
        else
            return 1;
    }
    return 0;
}
