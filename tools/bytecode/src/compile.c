#include "bytecode.h"
#include "compiler.h"
#include "xsScript.h"

static const char *source_path;

static void report(void *console, txString path, txInteger line, txString format, c_va_list arguments) {
    (void)console, (void)path;
    fprintf(stderr, "%s:%d: ", source_path, (int)line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

static txScript *parse(txMachine *the, const char *path, bool debug) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    /* The machine keeps the parser's symbols, so the parser must live as long as the script. */
    txParser *parser = allocate(sizeof *parser);
    txParserJump jump;
    txScript *volatile script = NULL;
    source_path = path;
    fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
    parser->firstJump = &jump;
    parser->reportError = report;
    parser->reportWarning = report;
    if (c_setjmp(jump.jmp_buf) == 0) {
        /* Neither mxProgramFlag nor mxEvalFlag: a module. */
        txUnsigned flags = debug ? mxDebugFlag : 0;
        if (debug)
            parser->path = fxNewParserSymbol(parser, (txString)path);
        fxParserTree(parser, file, (txGetter)fgetc, flags, NULL);
        fxParserHoist(parser);
        fxParserBind(parser);
        script = fxParserCode(parser);
    }
    fclose(file);
    if (parser->errorCount || !script)
        exit(1);
    return script;
}

void compile_module(struct code *code, struct symbols *symbols, const char *path, bool debug) {
    txScript *script = parse(symbols->the, path, debug);
    const uint8_t *at = (const uint8_t *)script->symbolsBuffer;
    uint32_t count = bundle_get16(at);
    at += 2;
    uint16_t *map = allocate((count + 1) * sizeof *map);
    code->ids = allocate((count + 1) * sizeof *code->ids);
    code->id_count = 0;
    for (uint32_t i = 1; i < count; i++, at += strlen((const char *)at) + 1) {
        map[i] = fxNewNameC(symbols->the, (txString)at);
        code->ids[code->id_count++] = map[i];
    }
    code->bytes = (uint8_t *)script->codeBuffer;
    code->size = (uint32_t)script->codeSize;
    if (!bytecode_rewrite(code->bytes, code->size, map, count))
        fail("%s: the engine's parser made bytecode that this compiler cannot read", path);
    free(map);
}
