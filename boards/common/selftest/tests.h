/* tests.h: the parts of the self-test. Each reports through check(). */
#ifndef OBSCURA_TESTS_H
#define OBSCURA_TESTS_H

#include <stdint.h>

void test_aes_counter(void);
void test_clock(void);
void test_events(void);
/* Sleeps `seconds` in one piece: the clock must not jump, and the alarm must come. */
void test_long_sleep(uint32_t seconds);
void test_flash(void);
void test_identity(void);
/* Wants the other end to send every byte back. */
void test_uart(void);
/* Sleeps through several periods of a watchdog that runs. */
void test_watchdog_sleep(uint32_t period_ms);

#endif
