#include <stdarg.h>

#include "runtime.h"

static const char *const level_names[] = {"fatal: ", "error: ", "warning: ", "info: ", "debug: "};

/* A line leaves in one write where it can: a fault in between would tear it. */
struct writer {
    char bytes[160];
    size_t length;
};

static void flush(struct writer *writer) {
    port_console_write(writer->bytes, writer->length);
    writer->length = 0;
}

static void put(struct writer *writer, char byte) {
    if (writer->length == sizeof writer->bytes)
        flush(writer);
    writer->bytes[writer->length++] = byte;
}

static void put_plain(struct writer *writer, const char *text) {
    while (*text)
        put(writer, *text++);
}

/* Control characters as \xNN: what a peer sent must not command the terminal of whoever reads this. */
static void put_text(struct writer *writer, const char *text, size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (; length--; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte >= ' ' && byte != 0x7f) || byte == '\t') {
            put(writer, *text);
            continue;
        }
        put_plain(writer, "\\x");
        put(writer, digits[byte >> 4]);
        put(writer, digits[byte & 15]);
    }
}

/* Level, `prefix`, `text` and a line feed; the lines of `text` after the first are indented. */
static void write_lines(enum console_level level, const char *prefix, const char *text) {
    struct writer writer = {.length = 0};
    put_plain(&writer, level_names[level]);
    put_plain(&writer, prefix);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        put_text(&writer, text, (size_t)(end - text));
        put(&writer, '\n');
        flush(&writer);
        put_plain(&writer, "  ");
    }
    put_text(&writer, text, strlen(text));
    put(&writer, '\n');
    flush(&writer);
}

void console_text(enum console_level level, const char *text) {
    write_lines(level, "", text);
}

void console_line(enum console_level level, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    console_text(level, line);
}

void console_exception(txMachine *the, enum console_level level, const char *what, const txSlot *thrown) {
    txSlot value = *thrown;
    fxBeginHost(the);
    {
        mxTry(the) {
            mxPushUndefined();
            the->stack->kind = value.kind;
            the->stack->value = value.value;
            /* An Error's stack begins with its name and message. */
            if (mxIsReference(the->stack)) {
                mxDub();
                mxGetID(mxID(_stack));
                if (the->stack->kind != XS_STRING_KIND && the->stack->kind != XS_STRING_X_KIND)
                    mxPop();
            }
            fxToString(the, the->stack);
            char prefix[64];
            snprintf(prefix, sizeof prefix, "%s: ", what);
            write_lines(level, prefix, the->stack->value.string);
        }
        mxCatch(the) {
            console_line(level, "%s: a value that cannot be shown", what);
        }
    }
    fxEndHost(the);
}
