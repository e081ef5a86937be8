/*
 * bundle.h: the .xsb container, one ES module as bytecode that runs in place from flash. Shared by the
 * firmware and the bytecode compiler; knows nothing of the engine but its version. The checksum finds damage,
 * not malice: the engine trusts bytecode, so whoever can write a container can run any code on the camera. An
 * application's container therefore lies in a signed file (signed_bundle.h).
 *
 * All integers are little-endian. Offsets count from the start of the container.
 *
 *   0   4  magic "OBSX"
 *   4   2  format version, BUNDLE_FORMAT
 *   6   1  kind, enum bundle_kind
 *   7   1  zero
 *   8   4  engine version: major, minor, patch, zero
 *  12   4  length of the whole container
 *  16   8  digest of the native interface (bundle_interface_digest)
 *  24   8  digest of the symbol table that the bundle stands on
 *  32   8  digest of the symbol table with the bundle's own symbols added
 *  40   2  identifier of the first own symbol; the others follow without gaps (symbols.h)
 *  42   2  number of own symbols
 *  44   2  number of borrowed symbols: names of the table it stands on that its code uses
 *  46   2  heap that an application asks for, in KB; 0 when it asks for none
 *  48   4  offset of the own symbols: names, the module's own among them, each ended by a zero byte
 *  52   4  offset of the borrowed symbols: identifier (2 bytes) and name, ended by a zero byte
 *  56   4  offset of the code, a multiple of 4
 *  60   4  length of the code
 *  64      name of the module, ended by a zero byte; then symbols, code, and zeros up to a multiple of 4
 *  end-4   CRC-32 (IEEE 802.3) of everything before it
 */
#ifndef OBSCURA_BUNDLE_H
#define OBSCURA_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAGIC "OBSX"
#define BUNDLE_FORMAT 2
#define BUNDLE_HEADER_SIZE 64
#define BUNDLE_TRAILER_SIZE 4

enum bundle_kind { BUNDLE_FIRMWARE, BUNDLE_APPLICATION };

/* A container that bundle_open found whole. Pointers point into it. */
struct bundle {
    enum bundle_kind kind;
    uint32_t length;
    uint32_t id; /* names this very bytecode in stacks: the container's checksum (stack.c) */
    uint64_t interface_digest;
    uint64_t base_digest;
    uint64_t symbols_digest;
    uint16_t first_id;
    uint16_t own_count;
    uint16_t borrowed_count;
    uint16_t heap_kb;
    const char *name;
    const char *own;
    const uint8_t *borrowed;
    const uint8_t *code;
    uint32_t code_size;
};

/*
 * Checks that bytes[0..size) begins with a whole container, made by this format for this engine and native
 * interface, and fills in *bundle. `size` may be larger than the container: a flash area is. Returns NULL, or
 * why not, as the end of a sentence that begins with the bundle.
 */
const char *bundle_open(struct bundle *bundle, const void *bytes, size_t size);

/* The same without the checksum, for a container whose bytes have been verified otherwise. */
const char *bundle_read(struct bundle *bundle, const void *bytes, size_t size);

/* One entry of the borrowed symbols. Returns the next one. */
const uint8_t *bundle_borrowed(const uint8_t *entry, uint16_t *id, const char **name);

/* Digest of the table of natives, the engine's version, and the container's format. */
uint64_t bundle_interface_digest(void);

/* FNV-1a, 64 bits. Start with BUNDLE_DIGEST_START. */
#define BUNDLE_DIGEST_START UINT64_C(0xcbf29ce484222325)
uint64_t bundle_digest(uint64_t digest, const void *bytes, size_t length);

uint32_t bundle_crc32(const void *bytes, size_t length);

uint16_t bundle_get16(const uint8_t *at);
uint32_t bundle_get32(const uint8_t *at);
uint64_t bundle_get64(const uint8_t *at);

#endif
