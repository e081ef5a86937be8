/*
 * obscura-bytecode: compiles one ES module to a .xsb container (firmware/native/bundle.h) that the camera
 * runs in place.
 */
#include <getopt.h>

#include "compiler.h"

static const char usage[] =
    "usage: obscura-bytecode --kind firmware|application --name SPECIFIER --output FILE.xsb\n"
    "                        [--base FIRMWARE.xsb] [--heap-kb N] [--positions FILE] INPUT.js\n"
    "\n"
    "  --kind     what the bundle is; an application needs --base\n"
    "  --base     the firmware that the application will run on\n"
    "  --heap-kb  heap that the application asks for\n"
    "  --name     the specifier under which the camera knows the module\n"
    "  --output   where to write the container\n"
    "  --positions  where to write which byte of the input each instruction comes from: lines of\n"
    "             \"OFFSET POSITION\", each up to the next one's offset in the code\n";

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("obscura-bytecode: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *allocate(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        fail("out of memory");
    return memory;
}

static void misuse(const char *format, const char *value) {
    fputs("obscura-bytecode: ", stderr);
    fprintf(stderr, format, value);
    fputs(" (--help)\n", stderr);
    exit(2);
}

uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    size_t capacity = 1 << 16, length = 0;
    uint8_t *bytes = allocate(capacity);
    for (size_t count; (count = fread(bytes + length, 1, capacity - length, file)) > 0;) {
        length += count;
        if (length == capacity) {
            bytes = realloc(bytes, capacity *= 2);
            if (!bytes)
                fail("out of memory");
        }
    }
    if (ferror(file))
        fail("%s: %s", path, strerror(errno));
    fclose(file);
    *size = length;
    return bytes;
}

/* A reader never sees half a bundle: written beside, then renamed. */
static void write_file(const char *path, const uint8_t *bytes, size_t size) {
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid()) >= sizeof beside)
        fail("%s: the path is too long", path);
    FILE *file = fopen(beside, "wb");
    if (!file)
        fail("%s: %s", beside, strerror(errno));
    bool written = fwrite(bytes, 1, size, file) == size;
    if (fclose(file) != 0 || !written || rename(beside, path) != 0) {
        int reason = errno;
        remove(beside);
        fail("%s: %s", path, strerror(reason));
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"kind", required_argument, NULL, 'k'},    {"base", required_argument, NULL, 'b'},
        {"name", required_argument, NULL, 'n'},    {"output", required_argument, NULL, 'o'},
        {"heap-kb", required_argument, NULL, 'H'}, {"positions", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    const char *kind_name = NULL, *base_path = NULL, *name = NULL, *output = NULL, *positions_path = NULL;
    long heap_kb = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'k':
            kind_name = optarg;
            break;
        case 'b':
            base_path = optarg;
            break;
        case 'n':
            name = optarg;
            break;
        case 'o':
            output = optarg;
            break;
        case 'H':
            heap_kb = strtol(optarg, NULL, 10);
            if (heap_kb < 1 || heap_kb > UINT16_MAX)
                misuse("--heap-kb is a number from 1 to 65535, not %s", optarg);
            break;
        case 'p':
            positions_path = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            misuse("what is %s?", argv[optind - 1]);
        }
    }
    if (!kind_name || !name || !output)
        misuse("%s is missing", !kind_name ? "--kind" : !name ? "--name" : "--output");
    if (optind != argc - 1)
        misuse("%s", optind == argc ? "the input is missing" : "there is more than one input");
    enum bundle_kind kind = BUNDLE_FIRMWARE;
    if (strcmp(kind_name, "application") == 0)
        kind = BUNDLE_APPLICATION;
    else if (strcmp(kind_name, "firmware") != 0)
        misuse("--kind is firmware or application, not %s", kind_name);
    if (kind == BUNDLE_APPLICATION && !base_path)
        misuse("%s", "an application needs --base");
    if (kind == BUNDLE_FIRMWARE && base_path)
        misuse("%s", "a firmware has no --base");

    if (kind == BUNDLE_FIRMWARE && heap_kb)
        misuse("%s", "a firmware has no --heap-kb");

    struct bundle base;
    if (base_path) {
        size_t base_size;
        const uint8_t *base_bytes = read_file(base_path, &base_size);
        const char *why = bundle_open(&base, base_bytes, base_size);
        if (why)
            fail("%s %s", base_path, why);
        if (base.kind != BUNDLE_FIRMWARE)
            fail("%s is an application, not a firmware", base_path);
    }
    struct symbols symbols;
    symbols_open(&symbols, base_path ? &base : NULL);
    struct code code;
    FILE *positions = positions_path ? fopen(positions_path, "w") : NULL;
    if (positions_path && !positions)
        fail("%s: %s", positions_path, strerror(errno));
    compile_module(&code, &symbols, argv[optind], kind, positions);
    if (positions && fclose(positions) != 0)
        fail("%s: %s", positions_path, strerror(errno));
    /* The camera uses it as a symbol too. */
    fxNewNameC(symbols.the, (txString)name);
    size_t size;
    uint8_t *bytes = container_build(&symbols, &code, kind, name, (uint16_t)heap_kb, &size);
    write_file(output, bytes, size);
    return 0;
}
