/*
 * evaluation.h: starting without a preloaded machine. On a board that has preloaded ones (EVALUATION_LEAVES)
 * the code for it runs while the image is built, and then leaves the image: the linker places it apart and
 * allows no reference to it, so that it is reached through this table only.
 */
#ifndef OBSCURA_EVALUATION_H
#define OBSCURA_EVALUATION_H

#include "rom.h"

#define EVALUATION_MAGIC 0x4c415645u /* "EVAL" */

struct evaluation {
    uint32_t magic;
    /* When the build asks for it, makes the preloaded machine, hands it over, and ends the program. */
    void (*preload)(void);
    /* Opens the firmware; failure_fatal unless it is whole. */
    void (*open)(void);
    /* Creates the camera's machine; `names` are the application's. */
    txMachine *(*create)(unsigned names);
    /* Evaluates the firmware's module and calls its default export. */
    void (*run)(txMachine *the);
};

extern const struct evaluation evaluation;

/* Gives the firmware's symbols the identifiers that its code uses. Before any JavaScript runs. */
void evaluation_bind(txMachine *the);

/* Has the firmware's module evaluated; its default export is handed to `then` as the argument. */
void evaluation_import(txMachine *the, txCallback then);

#endif
