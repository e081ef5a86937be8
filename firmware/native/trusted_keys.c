/*
 * trusted_keys.c: whose bundles this image runs. The build makes TRUSTED_KEYS_FILE of public keys;
 * development_keys.h is what it takes when none is named.
 */
#include "trusted_keys.h"

#include TRUSTED_KEYS_FILE

static const struct signed_key keys[] = {TRUSTED_KEYS};

_Static_assert(sizeof keys / sizeof *keys <= TRUSTED_KEYS_MAX, "not more keys than an image can have");

const struct signed_key *trusted_keys(unsigned *count) {
    *count = sizeof keys / sizeof *keys;
    return keys;
}

const struct signed_key *trusted_root(void) {
#ifdef TRUSTED_ROOT
    static const struct signed_key root = TRUSTED_ROOT;
    return &root;
#else
    return NULL;
#endif
}

bool trusted_keys_are_for_development(void) {
    return TRUSTED_DEVELOPMENT;
}
