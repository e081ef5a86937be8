/*
 * positions.c: where in the source each instruction comes from. The engine's code generator is compiled here,
 * unchanged, with two additions around it: every node that generates code says so (its dispatch table is
 * replaced by one that notes the node and calls the original), and every instruction is allocated with the
 * place of the node that is generating.
 *
 * A node's place is its `line`: positions_getter makes the lexer count bytes there, not lines.
 */
#include "positions.h"

#include "optimize.h"

static void *allocate_code(txParser *parser, txSize size);

#define fxNewParserChunkClear(PARSER, SIZE) allocate_code(PARSER, SIZE)
#include "xsCode.c"
#undef fxNewParserChunkClear

/* ---- the lexer ---- */

/*
 * The lexer looks ahead by one character: when the first byte of a character is asked for, the one before it
 * becomes the current character, and what comes before that is, at most, a token that has been read.
 */
txInteger positions_getter(void *stream) {
    struct position_stream *source = stream;
    int byte = source->at < source->size ? source->bytes[source->at] : C_EOF;
    if ((byte & 0xc0) != 0x80 || byte == C_EOF) {
        source->parser->line2 = source->current > 0 ? source->current - 1 : 0;
        source->current = (txInteger)source->at;
    }
    source->at++;
    return byte;
}

/* ---- the code generator ---- */

#define NOWHERE (-1)

/* Before each instruction in memory. As long as the parser's alignment. */
struct origin {
    int64_t position;
};

static int64_t generating = NOWHERE;
static txByteCode *first_code;

static void *allocate_code(txParser *parser, txSize size) {
    struct origin *origin = fxNewParserChunkClear(parser, (txSize)sizeof *origin + size);
    origin->position = generating;
    return origin + 1;
}

struct dispatched {
    txNodeDescription description;
    txNodeDispatch dispatch;
    const txNodeDispatch *original;
};

static struct dispatched *dispatched[XS_TOKEN_COUNT];

static const txNodeDispatch *original(const txNode *node) {
    return ((const struct dispatched *)node->description)->original;
}

static int64_t enter(const txNode *node) {
    int64_t outer = generating;
    if (node->line > 0)
        generating = node->line;
    return outer;
}

static void code(void *it, void *coder) {
    int64_t outer = enter(it);
    original(it)->code(it, coder);
    generating = outer;
}

/* The outermost node: the module. */
static void code_module(void *it, void *coder) {
    code(it, coder);
    first_code = ((txCoder *)coder)->firstCode;
    optimize(first_code);
}

static void code_assign(void *it, void *coder, txFlag flag) {
    int64_t outer = enter(it);
    original(it)->codeAssign(it, coder, flag);
    generating = outer;
}

static void code_delete(void *it, void *coder) {
    int64_t outer = enter(it);
    original(it)->codeDelete(it, coder);
    generating = outer;
}

static void code_reference(void *it, void *coder) {
    int64_t outer = enter(it);
    original(it)->codeReference(it, coder);
    generating = outer;
}

static txFlag code_this(void *it, void *coder, txFlag flag) {
    int64_t outer = enter(it);
    flag = original(it)->codeThis(it, coder, flag);
    generating = outer;
    return flag;
}

static void note(void *it, void *param) {
    txNode *node = it;
    if (!node)
        return; /* what a statement leaves out */
    ptrdiff_t token = node->description - gxTokenDescriptions;
    if (token < 0 || token >= XS_TOKEN_COUNT)
        return; /* noted already */
    struct dispatched *noted = dispatched[token];
    if (!noted) {
        noted = dispatched[token] = allocate(sizeof *noted);
        noted->original = node->description->dispatch;
        noted->dispatch = *noted->original;
        noted->dispatch.code = code;
        noted->dispatch.codeAssign = code_assign;
        noted->dispatch.codeDelete = code_delete;
        noted->dispatch.codeReference = code_reference;
        noted->dispatch.codeThis = code_this;
        noted->description = *node->description;
        noted->description.dispatch = &noted->dispatch;
    }
    node->description = &noted->description;
    noted->dispatch.distribute(node, note, param);
}

txScript *positions_code(txParser *parser) {
    if (parser->errorCount == 0) {
        note(parser->root, NULL);
        ((struct dispatched *)parser->root->description)->dispatch.code = code_module;
    }
    return fxParserCode(parser);
}

/* Calls `visit` for each instruction, until it returns false. Returns false when the code is not this one. */
typedef bool (*visitor)(void *context, uint32_t offset, int64_t position);

static bool visit_instructions(const uint8_t *bytes, uint32_t size, visitor visit, void *context) {
    uint32_t at = 0;
    for (const txByteCode *instruction = first_code; instruction; instruction = instruction->nextCode) {
        if (instruction->id == XS_NO_CODE)
            continue; /* what branches lead to */
        uint32_t step = bytecode_step(bytes + at, size - at);
        if (step == 0 || bytes[at] != instruction->id)
            return false;
        if (!visit(context, at, ((const struct origin *)instruction - 1)->position))
            return true;
        at += step;
    }
    return at == size;
}

struct writing {
    FILE *file;
    int64_t written;
};

static bool write_position(void *context, uint32_t offset, int64_t position) {
    struct writing *writing = context;
    if (position != writing->written && position != NOWHERE)
        fprintf(writing->file, "%u %d\n", (unsigned)offset, (int)(writing->written = position));
    return true;
}

bool positions_write(FILE *file, const uint8_t *bytes, uint32_t size) {
    struct writing writing = {.file = file, .written = NOWHERE};
    return visit_instructions(bytes, size, write_position, &writing);
}

struct finding {
    uint32_t offset;
    int position;
};

static bool find_position(void *context, uint32_t offset, int64_t position) {
    struct finding *finding = context;
    if (position != NOWHERE)
        finding->position = (int)position;
    return offset < finding->offset;
}

int positions_find(const uint8_t *code, uint32_t size, uint32_t offset) {
    struct finding finding = {.offset = offset, .position = 0};
    visit_instructions(code, size, find_position, &finding);
    return finding.position;
}
