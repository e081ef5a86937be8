#ifndef OBSCURA_OPTIMIZE_H
#define OBSCURA_OPTIMIZE_H

#include "xsScript.h"

/*
 * Shortens a module's instructions, from `first` on, without changing what they do. The engine's code
 * generator has made them and has not placed them yet.
 */
void optimize(txByteCode *first);

#endif
