#include "check.h"
#include "port.h"
#include <string.h>

/* The counts go on after the restarts that the self-test causes; the first word is the stage. */
struct counts {
    uint32_t stage, results, failures;
};

static struct counts *counts(void) {
    return port_retained();
}

void say(const char *text) {
    port_console_write(text, strlen(text));
}

static void say_number(uint32_t number) {
    char digits[10];
    int at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    port_console_write(digits + at, sizeof digits - (size_t)at);
}

void check(bool passed, const char *sentence) {
    counts()->results++;
    if (!passed) {
        counts()->failures++;
        say("not ");
    }
    say("ok ");
    say_number(counts()->results);
    say(" - ");
    say(sentence);
    say("\n");
}

void check_skipped(const char *sentence, const char *reason) {
    counts()->results++;
    say("ok ");
    say_number(counts()->results);
    say(" - ");
    say(sentence);
    say(" # SKIP ");
    say(reason);
    say("\n");
}

void check_end(void) {
    say("1..");
    say_number(counts()->results);
    say("\n");
    port_exit(counts()->failures ? 1 : 0);
}
