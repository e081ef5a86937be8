/* refusal.h: why something is refused: a code for programs, which stays, and the sentence for people. */
#ifndef OBSCURA_REFUSAL_H
#define OBSCURA_REFUSAL_H

struct refusal {
    const char *code; /* UpdateRefusal of firmware/update/store.ts */
    const char
        *text; /* the end of a sentence that begins with the bundle, or a whole one, as the function says */
};

/* Defines a refusal of one file. */
#define REFUSAL(NAME, CODE, TEXT) static const struct refusal NAME = {CODE, TEXT}

#endif
