#include <stdarg.h>

#include "stack.h"

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

/* `start`, `text` and a line feed; the lines of `text` after the first are indented. */
static void write_lines(const char *start, const char *text) {
    struct writer writer = {.length = 0};
    put_plain(&writer, start);
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
    write_lines(level_names[level], text);
}

void console_line(enum console_level level, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    console_text(level, line);
}

/* How deep causes are followed, and how many errors of an AggregateError are shown. */
#define CAUSES_MAX 4
#define ERRORS_MAX 8

/* Pushes an own property of the value on the stack's top, when that is an Error which has it. */
static bool push_own(txMachine *the, txID id) {
    const txSlot *internal = mxIsReference(the->stack) ? the->stack->value.reference->next : NULL;
    if (!internal || internal->kind != XS_ERROR_KIND)
        return false;
    txSlot *property = mxBehaviorGetProperty(the, the->stack->value.reference, id, 0, XS_OWN);
    if (!property || property->kind == XS_ACCESSOR_KIND)
        return false;
    mxPushSlot(property);
    return true;
}

/* `start`, and what is on the stack's top: an Error's stack begins with its name and message. */
static void write_value(txMachine *the, const char *start) {
    txSlot *value = the->stack;
    char place[160]; /* a copy: a value's own toString may throw too */
    snprintf(place, sizeof place, "%s", stack_thrown_at(value));
    mxTry(the) {
        mxDub();
        if (mxIsReference(value)) {
            mxDub();
            mxGetID(mxID(_stack));
            if (the->stack->kind != XS_STRING_KIND && the->stack->kind != XS_STRING_X_KIND)
                mxPop();
        }
        fxToString(the, the->stack);
        fxConcatStringC(the, the->stack, place);
        write_lines(start, the->stack->value.string);
    }
    mxCatch(the) {
        write_lines(start, "a value that cannot be shown");
        if (*place)
            write_lines("  ", place + 1);
    }
    the->stack = value;
}

/* The errors that the one on the stack's top is made of. */
static void write_related(txMachine *the, int depth) {
    if (depth == CAUSES_MAX)
        return;
    txSlot *error = the->stack;
    if (push_own(the, mxID(_cause))) {
        write_value(the, "  [cause] ");
        write_related(the, depth + 1);
    }
    the->stack = error;
    if (push_own(the, mxID(_errors)) && mxIsReference(the->stack)) {
        txSlot *errors = the->stack;
        for (txIndex i = 0; i < ERRORS_MAX; i++) {
            mxPushSlot(errors);
            if (!fxHasIndex(the, i))
                break;
            mxPushSlot(errors);
            fxGetIndex(the, i);
            write_value(the, "  [errors] ");
            write_related(the, depth + 1);
            the->stack = errors;
        }
    }
    the->stack = error;
}

void console_exception(txMachine *the, enum console_level level, const char *what, const txSlot *thrown) {
    txSlot value = *thrown;
    char start[80];
    snprintf(start, sizeof start, "%s%s: ", level_names[level], what);
    fxBeginHost(the);
    {
        mxTry(the) {
            mxPushUndefined();
            the->stack->kind = value.kind;
            the->stack->value = value.value;
            write_value(the, start);
            write_related(the, 0);
        }
        mxCatch(the) {
            console_line(level, "%s: more that cannot be shown", what);
        }
    }
    fxEndHost(the);
}
