/* put_off.c: until when deep sleep is put off, what was asked for, and until when the owner may pair. */
#include "put_off.h"

#include "slots.h"
#include "update.h"

#define US_PER_MS UINT64_C(1000)

/* In port_retained, behind what failure.c and update.c have there. */
#define RETAINED_OFFSET 32u
#define RETAINED_MAGIC 0x4f425731u
struct retained_window {
    uint32_t magic;
    uint32_t sources; /* of the sleep that is put off; 0 for none */
    uint64_t end_us;  /* of port_rtc_us */
    uint64_t wake_us;
    uint64_t pairing_end_us; /* 0 where power-on opened no window for pairing, or a device has taken it */
};
_Static_assert(RETAINED_OFFSET + sizeof(struct retained_window) <= PORT_RETAINED_SIZE,
               "fits beside update.c's");

static struct put_off current;

static struct retained_window *retained(void) {
    return (struct retained_window *)((uint8_t *)port_retained() + RETAINED_OFFSET);
}

static uint64_t length_us(enum port_reset_cause cause) {
    bool has_failed = cause == PORT_RESET_FAULT || cause == PORT_RESET_WATCHDOG;
    return port_window_ms(has_failed ? FAILURE_WINDOW_MS : WINDOW_MS) * US_PER_MS;
}

static bool is_sound(const struct retained_window *window, uint64_t now) {
    uint64_t most = now + WINDOW_MS * US_PER_MS;
    return window->magic == RETAINED_MAGIC && window->end_us <= most && window->pairing_end_us <= most;
}

static uint64_t later(uint64_t one, uint64_t other) {
    return one > other ? one : other;
}

/* Until then; 0 when that is past. */
static uint64_t left_us(uint64_t end_us) {
    uint64_t now = port_rtc_us();
    return end_us > now ? end_us - now : 0;
}

void put_off_start(void) {
    struct retained_window *window = retained();
    enum port_reset_cause cause = port_reset_cause();
    uint64_t now = port_rtc_us();
    /* Memory that a board has not kept, or not written as it says, opens nothing. */
    bool is_known = cause != PORT_RESET_POWER_ON && is_sound(window, now);
    if (!is_known)
        *window = (struct retained_window){.magic = RETAINED_MAGIC, .end_us = now};
    if (cause == PORT_RESET_POWER_ON)
        window->pairing_end_us = now + length_us(cause);
    if (cause == PORT_RESET_SOFTWARE && window->sources)
        current = (struct put_off){.wake_us = window->wake_us, .sources = window->sources};
    else if (!slots_is_wake(cause))
        window->end_us = later(now + length_us(cause), window->pairing_end_us);
    window->sources = 0;
}

const struct put_off *put_off_sleep(void) {
    return &current;
}

bool put_off_goes_on(void) {
    return current.sources || slots_is_wake(port_reset_cause());
}

uint64_t put_off_left_us(void) {
    return left_us(retained()->end_us);
}

uint64_t put_off_pairing_left_us(void) {
    return left_us(retained()->pairing_end_us);
}

void put_off_paired(void) {
    retained()->pairing_end_us = 0;
}

void update_sleep(uint64_t wake_us, uint32_t sources) {
    if (!current.sources && put_off_left_us() > 0) {
        retained()->wake_us = wake_us;
        retained()->sources = sources;
        port_reset();
    }
    port_deep_sleep(wake_us, sources);
}
