/*
 * engine_parts.c: parts of the engine that the camera has in another form, or not at all. The linker leads
 * the engine's references to `name` here, to `__wrap_name` (ENGINE_PARTS in firmware/CMakeLists.txt), and
 * leaves out what nothing refers to any more.
 */
#include "engine_parts.h"

#include "runtime.h"

/* ---- length and name of functions ---- */

txSlot *__wrap_fxNewFunctionLength(txMachine *the, txSlot *instance, txNumber length);
txSlot *__wrap_fxNewFunctionName(txMachine *the, txSlot *instance, txID id, txIndex index, txID former,
                                 txString prefix);

/*
 * Every function would have two properties that hardly any program reads: 32 bytes, and the time to make
 * them. Here Function.prototype has getters instead, which find both in the function's code.
 */
txSlot *__wrap_fxNewFunctionLength(txMachine *the, txSlot *instance, txNumber length) {
    (void)the, (void)instance, (void)length;
    return NULL;
}

txSlot *__wrap_fxNewFunctionName(txMachine *the, txSlot *instance, txID id, txIndex index, txID former,
                                 txString prefix) {
    (void)the, (void)instance, (void)id, (void)index, (void)former, (void)prefix;
    return NULL;
}

/* The slot of a function's code, or NULL when `this` is not a function. */
static const txSlot *code_of_this(txMachine *the) {
    if (!mxIsReference(mxThis) || !mxIsFunction(mxThis->value.reference))
        return NULL;
    return mxFunctionInstanceCode(mxThis->value.reference);
}

/* Built-in functions have none: 0. */
static void function_length(txMachine *the) {
    const txSlot *code = code_of_this(the);
    mxResult->kind = XS_INTEGER_KIND;
    /* A function's code begins with an instruction that counts its parameters. */
    mxResult->value.integer = code && (code->kind == XS_CODE_KIND || code->kind == XS_CODE_X_KIND)
                                  ? code->value.code.address[1]
                                  : 0;
}

static const txSlot *key_of(txMachine *the, const txSlot *code) {
    return code->ID != XS_NO_ID ? fxGetKey(the, code->ID) : NULL;
}

static bool is_name(const txSlot *key) {
    return key->kind == XS_KEY_KIND || key->kind == XS_KEY_X_KIND;
}

static void function_name(txMachine *the) {
    const txSlot *code = code_of_this(the);
    const txSlot *key = code ? key_of(the, code) : NULL;
    if (!key) {
        *mxResult = mxEmptyString;
        return;
    }
    bool in_heap = key->kind == XS_KEY_KIND || key->kind == XS_STRING_KIND;
    mxResult->kind = in_heap ? XS_STRING_KIND : XS_STRING_X_KIND;
    mxResult->value.string = is_name(key) ? key->value.key.string : key->value.string;
    /* A symbol's description. */
    if (!is_name(key) || !(key->flag & XS_DONT_ENUM_FLAG))
        fxAdornStringC(the, "[", mxResult, "]");
}

const txSlot *engine_function_key(txMachine *the, txSlot *function) {
    const txSlot *key = key_of(the, mxFunctionInstanceCode(function));
    return key && is_name(key) ? key : NULL;
}

const char *engine_function_name(txMachine *the, txSlot *function) {
    const txSlot *key = engine_function_key(the, function);
    return key ? key->value.key.string : NULL;
}

/* ---- what the camera does not have ---- */

const txTypeAtomics __wrap_gxTypeAtomics[mxTypeArrayCount];
void __wrap_fxBuildAtomics(txMachine *the);

/* Atomics and SharedArrayBuffer: there is one thread. */
void __wrap_fxBuildAtomics(txMachine *the) {
    (void)the;
}

/* Proxy: its constructor is taken away below, so that nothing has this behavior. */
const txBehavior __wrap_gxProxyBehavior;

void fxLoadVirtualModuleSource(txMachine *the, txSlot *record, txSlot *instance);

/* Modules that a program makes of functions, for a Compartment: no program has that. */
void fxLoadVirtualModuleSource(txMachine *the, txSlot *record, txSlot *instance) {
    (void)record, (void)instance;
    mxTypeError("a module is made of bytecode only");
}

/* Constructors that make functions and modules of their source: the camera has no parser, and says so. */
#define COMPILES(NAME)                                                                                       \
    void NAME(txMachine *the) {                                                                              \
        fxParseScript(the, NULL, NULL, 0);                                                                   \
    }

COMPILES(fx_AsyncFunction)
COMPILES(fx_AsyncGeneratorFunction)
COMPILES(fx_Function)
COMPILES(fx_GeneratorFunction)
COMPILES(fx_ModuleSource)

/* Names of groups in regular expressions are of ASCII: the engine's tables for others have 5 KB. */
txBoolean __wrap_fxIsIdentifierFirst(txU4 character);
txBoolean __wrap_fxIsIdentifierNext(txU4 character);

txBoolean __wrap_fxIsIdentifierFirst(txU4 character) {
    return (character | 0x20) - 'a' < 26 || character == '_' || character == '$';
}

txBoolean __wrap_fxIsIdentifierNext(txU4 character) {
    return character - '0' < 10 || __wrap_fxIsIdentifierFirst(character);
}

/*
 * Instructions that the build lets into no bundle: eval is refused, every bundle is a module and strict, and
 * private names are lowered.
 */
#define ABSENT(NAME)                                                                                         \
    void __wrap_##NAME(txMachine *the);                                                                      \
    void __wrap_##NAME(txMachine *the) {                                                                     \
        fxAbort(the, XS_DEAD_STRIP_EXIT);                                                                    \
    }

ABSENT(fxRunEval)
ABSENT(fxRunEvalEnvironment)
ABSENT(fxRunProgramEnvironment)
ABSENT(fxDefinePrivateProperty)
ABSENT(fxGetPrivateProperty)
ABSENT(fxSetPrivateProperty)
ABSENT(fxNewArgumentsSloppyInstance)

const txBehavior __wrap_gxArgumentsSloppyBehavior;

/*
 * Functions that are the engine's own and not the language's, or that the language has for old web pages
 * only. A board with a preloaded machine leaves their code out with what made the machine.
 */
static const txID absent_globals[] = {_Proxy, _trace};

static const struct {
    txID object; /* of the engine's own ones */
    txID name;
} absent_properties[] = {
    {_ArrayBuffer, _fromBigInt},
    {mxArrayBufferPrototypeStackIndex, _concat},
    {_BigInt, _bitLength},
    {_BigInt, _fromArrayBuffer},
    {mxCompartmentPrototypeStackIndex, _evaluate},
    {mxDatePrototypeStackIndex, _getYear},
    {mxDatePrototypeStackIndex, _setYear},
    {_Math, _idiv},
    {_Math, _idivmod},
    {_Math, _imod},
    {_Math, _imuldiv},
    {_Math, _irem},
    {_Math, _mod},
    {mxModuleSourcePrototypeStackIndex, _bindings},
    {mxModuleSourcePrototypeStackIndex, _needsImport},
    {mxModuleSourcePrototypeStackIndex, _needsImportMeta},
    {_String, _fromArrayBuffer},
};

static void delete_absent(txMachine *the) {
    for (size_t i = 0; i < sizeof absent_globals / sizeof *absent_globals; i++) {
        mxBehaviorDeleteProperty(the, mxGlobal.value.reference, absent_globals[i], 0);
        the->stackPrototypes[-1 - absent_globals[i]].kind = XS_UNDEFINED_KIND;
    }
    for (size_t i = 0; i < sizeof absent_properties / sizeof *absent_properties; i++)
        mxBehaviorDeleteProperty(the, the->stackPrototypes[-1 - absent_properties[i].object].value.reference,
                                 absent_properties[i].name, 0);
    mxProxyAccessor.kind = XS_UNDEFINED_KIND;
}

void engine_parts_settle(txMachine *the) {
    fxBeginHost(the);
    {
        mxPush(mxFunctionPrototype);
        txSlot *last = fxLastProperty(the, the->stack->value.reference);
        last = fxNextHostAccessorProperty(the, last, function_length, NULL, mxID(_length), XS_DONT_ENUM_FLAG);
        fxNextHostAccessorProperty(the, last, function_name, NULL, mxID(_name), XS_DONT_ENUM_FLAG);
        mxPop();
        delete_absent(the);
    }
    fxEndHost(the);
}
