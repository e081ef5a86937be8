/* check.h: results of the self-test, as lines of the Test Anything Protocol on the console. */
#ifndef OBSCURA_CHECK_H
#define OBSCURA_CHECK_H

#include <stdbool.h>

/* One result, named by a sentence. */
void check(bool passed, const char *sentence);

/* Something that this board does not have. */
void check_skipped(const char *sentence, const char *reason);

/* Ends the results: prints the plan and leaves with status 0 when all passed, else 1. */
void check_end(void) __attribute__((noreturn));

void say(const char *text);

#endif
