/*
 * symbols.h: who gets which symbol identifier. Identifiers are numbers in the order of first use, and
 * bytecode holds them, so the camera and the bytecode compiler must agree on the order: the engine's names,
 * the natives', the firmware's, SYMBOLS_SPARE identifiers without a name, the application's. Shared by both.
 */
#ifndef OBSCURA_SYMBOLS_H
#define OBSCURA_SYMBOLS_H

#include "bundle.h"
#include "xsAll.h"

/* For symbols that the firmware's module makes up while it is evaluated, which the compiler cannot know. */
#define SYMBOLS_SPARE 64

/* Interns the names of the table of natives. */
void symbols_add_natives(txMachine *the);

/* Interns a bundle's own names. False when they do not get the identifiers that its code uses. */
bool symbols_add_own(txMachine *the, const struct bundle *bundle);

/* Leaves out the identifiers below `end`. False when the table has passed it already. */
bool symbols_skip_to(txMachine *the, txID end);

/* The first identifier that an application on this firmware can have. */
txID symbols_application_start(const struct bundle *firmware);

#endif
