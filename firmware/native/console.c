#include <stdarg.h>

#include "runtime.h"

static const char *const level_names[] = {"fatal: ", "error: ", "warning: ", "info: ", "debug: "};

/* `text` and a line feed; the lines after the first are indented. */
static void write_lines(const char *text) {
    for (;;) {
        const char *end = strchr(text, '\n');
        if (!end)
            break;
        port_console_write(text, (size_t)(end - text));
        port_console_write("\n  ", 3);
        text = end + 1;
    }
    port_console_write(text, strlen(text));
    port_console_write("\n", 1);
}

static void write_text(const char *text) {
    port_console_write(text, strlen(text));
}

void console_text(enum console_level level, const char *text) {
    write_text(level_names[level]);
    write_lines(text);
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
            write_text(level_names[level]);
            write_text(what);
            write_text(": ");
            write_lines(the->stack->value.string);
        }
        mxCatch(the) {
            console_line(level, "%s: a value that cannot be shown", what);
        }
    }
    fxEndHost(the);
}
