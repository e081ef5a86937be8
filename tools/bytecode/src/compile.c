#include "positions.h"

static const char *source_path;
static struct position_stream source;

/* "path:line:column: " of the byte at `position`. */
static void print_place(int position) {
    int line = 1, column = 1;
    for (int i = 0; i < position && (size_t)i < source.size; i++) {
        column = source.bytes[i] == '\n' ? 1 : column + 1;
        line += source.bytes[i] == '\n';
    }
    fprintf(stderr, "%s:%d:%d: ", source_path, line, column);
}

/* What the parser says of a text that does not fit its buffer. */
static const char *const too_long[] = {"buffer overflow", "string overflow", "number overflow",
                                       "identifier overflow"};

/* `position` is the offset of a byte, see positions_getter. */
static void report(void *console, txString path, txInteger position, txString format, c_va_list arguments) {
    (void)console, (void)path;
    print_place(position);
    bool is_too_long = false;
    for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++)
        is_too_long = is_too_long || strcmp(format, too_long[i]) == 0;
    if (is_too_long)
        fprintf(stderr,
                "a literal is longer than %d bytes in UTF-8: divide it among several, in an array, and "
                "join() them",
                LITERAL_BYTES_MAX);
    else
        vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

static txScript *parse(txMachine *the, const char *path) {
    /* The machine keeps the parser's symbols, so the parser must live as long as the script. */
    txParser *parser = allocate(sizeof *parser);
    txParserJump jump;
    txScript *volatile script = NULL;
    source_path = path;
    source.parser = parser;
    source.bytes = read_file(path, &source.size);
    fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
    parser->firstJump = &jump;
    parser->reportError = report;
    parser->reportWarning = report;
    if (c_setjmp(jump.jmp_buf) == 0) {
        /* No mxProgramFlag nor mxEvalFlag: a module. No mxDebugFlag: an engine without its debugger skips
         * lines. */
        fxParserTree(parser, &source, positions_getter, 0, NULL);
        fxParserHoist(parser);
        fxParserBind(parser);
        script = positions_code(parser);
    }
    if (parser->errorCount || !script)
        exit(1);
    return script;
}

/*
 * Whether the identifier at code[at] names the local side of a transfer of the module: SYMBOL NULL NULL, the
 * names that it is exported under, INTEGER and TRANSFER. All variables of a module that functions use are
 * such.
 */
static bool is_transfer(const uint8_t *code, uint32_t size, uint32_t at) {
    const uint32_t symbol = 1 + sizeof(txID);
    if (code[at] != XS_CODE_SYMBOL || size - at < symbol + 2 || code[at + symbol] != XS_CODE_NULL ||
        code[at + symbol + 1] != XS_CODE_NULL)
        return false;
    at += symbol + 2;
    while (size - at >= symbol && code[at] == XS_CODE_SYMBOL)
        at += symbol;
    return size - at >= 3 && code[at] == XS_CODE_INTEGER_1 && code[at + 2] == XS_CODE_TRANSFER;
}

/* What an instruction needs that the camera's engine lacks (firmware/native/engine_parts.c), or NULL. */
static const char *lacking(uint8_t instruction) {
    switch (instruction) {
    case XS_CODE_EVAL:
    case XS_CODE_EVAL_TAIL:
    case XS_CODE_EVAL_ENVIRONMENT:
    case XS_CODE_EVAL_PRIVATE:
        return "eval";
    case XS_CODE_GET_PRIVATE_1:
    case XS_CODE_GET_PRIVATE_2:
    case XS_CODE_HAS_PRIVATE_1:
    case XS_CODE_HAS_PRIVATE_2:
    case XS_CODE_NEW_PRIVATE_1:
    case XS_CODE_NEW_PRIVATE_2:
    case XS_CODE_SET_PRIVATE_1:
    case XS_CODE_SET_PRIVATE_2:
        return "#names";
    default:
        return NULL;
    }
}

/*
 * Marks the names that the code uses. What variables are called only shows in the engine's errors of
 * constants and of variables that have no value yet: without `variables` they have no names.
 */
static void find_names(uint8_t *code, uint32_t size, bool *used, uint32_t count, bool variables) {
    uint32_t step;
    for (uint32_t at = 0; at < size; at += step) {
        step = bytecode_step(code + at, size - at);
        if (step == 0)
            return;
        if (lacking(code[at])) {
            print_place(positions_find(code, size, at));
            fprintf(stderr, "uses %s, which a camera does not have\n", lacking(code[at]));
            exit(1);
        }
        if (gxCodeSizes[code[at]] != 0)
            continue;
        bool names_variable =
            code[at] == XS_CODE_NEW_LOCAL || code[at] == XS_CODE_NEW_CLOSURE || is_transfer(code, size, at);
        uint16_t id = bundle_get16(code + at + 1);
        if (names_variable && !variables)
            code[at + 1] = code[at + 2] = 0;
        else if (id < count)
            used[id] = true;
    }
}

/* Calls that would give up their caller's frame, as "return f()" does, keep it: a stack shows who called. */
static void keep_frames(uint8_t *code, uint32_t size) {
    uint32_t step;
    for (uint32_t at = 0; at < size; at += step) {
        step = bytecode_step(code + at, size - at);
        switch (code[at]) {
        case XS_CODE_RUN_TAIL:
            code[at] = XS_CODE_RUN;
            break;
        case XS_CODE_RUN_TAIL_1:
            code[at] = XS_CODE_RUN_1;
            break;
        case XS_CODE_RUN_TAIL_2:
            code[at] = XS_CODE_RUN_2;
            break;
        case XS_CODE_RUN_TAIL_4:
            code[at] = XS_CODE_RUN_4;
            break;
        default:
            break;
        }
        if (step == 0)
            return;
    }
}

void compile_module(struct code *code, struct symbols *symbols, const char *path, enum bundle_kind kind,
                    FILE *positions) {
    bool variables = kind == BUNDLE_APPLICATION; /* a firmware's would be in every image */
    txScript *script = parse(symbols->the, path);
    const uint8_t *at = (const uint8_t *)script->symbolsBuffer;
    uint32_t count = bundle_get16(at);
    at += 2;
    uint16_t *map = allocate((count + 1) * sizeof *map);
    bool *used = allocate((count + 1) * sizeof *used);
    code->ids = allocate((count + 1) * sizeof *code->ids);
    code->id_count = 0;
    code->bytes = (uint8_t *)script->codeBuffer;
    code->size = (uint32_t)script->codeSize;
    if (positions && !positions_write(positions, code->bytes, code->size))
        fail("%s: the engine's parser made bytecode that this compiler cannot place", path);
    find_names(code->bytes, code->size, used, count, variables);
    if (kind == BUNDLE_APPLICATION)
        keep_frames(code->bytes, code->size);
    for (uint32_t i = 1; i < count; i++, at += strlen((const char *)at) + 1) {
        if (!used[i])
            continue;
        map[i] = fxNewNameC(symbols->the, (txString)at);
        code->ids[code->id_count++] = map[i];
    }
    if (!bytecode_rewrite(code->bytes, code->size, map, count))
        fail("%s: the engine's parser made bytecode that this compiler cannot read", path);
    free(used);
    free(map);
}
