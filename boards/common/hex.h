/* hex.h: hexadecimal arguments of boards that are started by a host. */
#ifndef OBSCURA_HEX_H
#define OBSCURA_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads exactly 2 * length digits, either case, the first two being the first byte. False, with `bytes`
 * untouched, when `text` is anything else.
 */
bool hex_parse(const char *text, uint8_t *bytes, size_t length);

#endif
