#ifndef OBSCURA_POSITIONS_H
#define OBSCURA_POSITIONS_H

#include <stdio.h>

#include "bytecode.h"
#include "compiler.h"
#include "xsScript.h"

/* A source as the engine's parser reads it. */
struct position_stream {
    txParser *parser;
    const uint8_t *bytes;
    size_t size;
    size_t at;
    txInteger current; /* offset of the lexer's current character */
};

/* A txGetter. The parser's line numbers, also those of its errors, become offsets of tokens' last bytes. */
txInteger positions_getter(void *stream);

/* fxParserCode, noting where instructions come from. One module in the life of the program. */
txScript *positions_code(txParser *parser);

/*
 * Writes "OFFSET POSITION" lines: from this offset in the code on, instructions come from this byte of the
 * source. Returns false when the code, which has not been rewritten yet, is not what was generated.
 */
bool positions_write(FILE *file, const uint8_t *bytes, uint32_t size);

/* The byte of the source that the instruction at code[offset] comes from; 0 when it comes from none. */
int positions_find(const uint8_t *code, uint32_t size, uint32_t offset);

#endif
