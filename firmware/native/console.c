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

static void put(struct writer *writer, const char *text, size_t length) {
    while (length--) {
        if (writer->length == sizeof writer->bytes)
            flush(writer);
        writer->bytes[writer->length++] = *text++;
    }
}

/* Level, `prefix`, `text` and a line feed; the lines of `text` after the first are indented. */
static void write_lines(enum console_level level, const char *prefix, const char *text) {
    struct writer writer = {.length = 0};
    put(&writer, level_names[level], strlen(level_names[level]));
    put(&writer, prefix, strlen(prefix));
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        put(&writer, text, (size_t)(end - text) + 1);
        flush(&writer);
        put(&writer, "  ", 2);
    }
    put(&writer, text, strlen(text));
    put(&writer, "\n", 1);
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
