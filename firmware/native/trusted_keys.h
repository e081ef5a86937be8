/* trusted_keys.h: whose bundles this image runs. */
#ifndef OBSCURA_TRUSTED_KEYS_H
#define OBSCURA_TRUSTED_KEYS_H

#include "signed_bundle.h"

#define TRUSTED_KEYS_MAX 4

const struct signed_key *trusted_keys(unsigned *count);

/* NULL, or the key that signs revocations of the others, and nothing else. */
const struct signed_key *trusted_root(void);

/* Whether one of them is the development key, which everybody has. */
bool trusted_keys_are_for_development(void);

#endif
