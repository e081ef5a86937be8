/*
 * compiler.h: from the source of one ES module to a .xsb container, in three steps: parse and code
 * (compile.c), lay out (container.c), and the engine's symbol table as the camera will have it (engine.c).
 */
#ifndef OBSCURA_COMPILER_H
#define OBSCURA_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bundle.h"
#include "xsAll.h"

/* What the engine's parser has for the text of one string, template, regular expression or number; two bytes
 * stay free. */
#define PARSER_BUFFER_BYTES (64 * 1024)
#define LITERAL_BYTES_MAX (PARSER_BUFFER_BYTES - 2)

/* Prints "obscura-bytecode: " and the sentence, and exits with status 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

void *allocate(size_t size);

/* Fails when it cannot be read. */
uint8_t *read_file(const char *path, size_t *size);

/* A symbol table in the state that a bundle of this kind finds when the camera loads it. */
struct symbols {
    txMachine *the;
    uint16_t natives_end; /* first identifier after the engine's names and the natives' */
    uint16_t base_end;    /* first identifier that the bundle being compiled may add */
    uint64_t base_digest;
};

/* `base` is the opened firmware bundle for an application, NULL for a firmware. */
void symbols_open(struct symbols *symbols, const struct bundle *base);

/* Code whose identifiers are those of the symbol table, ready to run in place. */
struct code {
    uint8_t *bytes;
    uint32_t size;
    uint16_t *ids; /* the identifiers it uses */
    uint32_t id_count;
};

/*
 * Compiles the module in `path`; writes where its instructions come from to `positions` unless it is NULL
 * (positions.h). An application's variables keep their names and its functions their frames. Reports errors
 * as "path:line:column: message" and exits with status 1.
 */
void compile_module(struct code *code, struct symbols *symbols, const char *path, enum bundle_kind kind,
                    FILE *positions);

/* Lays out the container; returns its bytes. */
uint8_t *container_build(const struct symbols *symbols, const struct code *code, enum bundle_kind kind,
                         const char *name, uint16_t heap_kb, size_t *size);

#endif
