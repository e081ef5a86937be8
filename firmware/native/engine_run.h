/*
 * engine_run.h: read before xsRun.c, the interpreter, as engine_run.sed has changed it.
 *
 * The interpreter is one function that calls setjmp, for `catch`. Of a function that does, GCC keeps no
 * variable in a register that is needed after the call, which here are all that matter: a third of the
 * interpreter's instructions were loads and stores of them. Named registers are left alone by that. They are
 * such as calls preserve, and what runs after a second return takes all of them anew from the->firstJump.
 * None is a frame pointer (r7, rbp): GCC takes that for never NULL.
 *
 * Properties that an ordinary object has itself, or its class has from the preloaded image, are looked up in
 * place: the engine's way there is a table of functions and one that serves every kind of object, for a fifth
 * of the interpreter's instructions.
 */
#ifndef OBSCURA_ENGINE_RUN_H
#define OBSCURA_ENGINE_RUN_H

#if defined(__arm__) && !defined(__clang__)
#define IN_REGISTER_stack __asm__("r5")
#define IN_REGISTER_code __asm__("r6")
#define IN_REGISTER_frame __asm__("r8")
#define IN_REGISTER_scope __asm__("r11")
#define IN_REGISTER_environment __asm__("r9")
#define IN_REGISTER_byte __asm__("r10")
#elif defined(__x86_64__) && !defined(__clang__)
#define IN_REGISTER_stack __asm__("rbx")
#define IN_REGISTER_code __asm__("r12")
#define IN_REGISTER_frame __asm__("r13")
#define IN_REGISTER_scope
#define IN_REGISTER_environment __asm__("r14")
#define IN_REGISTER_byte __asm__("r15")
#else
#define IN_REGISTER_stack
#define IN_REGISTER_code
#define IN_REGISTER_frame
#define IN_REGISTER_scope
#define IN_REGISTER_environment
#define IN_REGISTER_byte
#endif

#include "xsAll.h"

/* An object in RAM without behaviour of its own: its properties are in its list, behind what is internal. */
static inline bool run_is_plain(const txSlot *instance) {
    return !(instance->flag & XS_EXOTIC_FLAG) && instance->ID == XS_NO_ID;
}

static inline txSlot *run_find(const txSlot *instance, txID id) {
    txSlot *property = instance->next;
    while (property && property->flag & XS_INTERNAL_FLAG)
        property = property->next;
    while (property && property->ID != id)
        property = property->next;
    return property;
}

/* A property that a plain object has itself. NULL: it has not, or it is no plain object. */
__attribute__((always_inline)) static inline txSlot *run_own_property(const txSlot *instance, txID id) {
    return run_is_plain(instance) ? run_find(instance, id) : NULL;
}

/*
 * Properties of prototypes in the preloaded image, found before. Nothing there ever changes: what a program
 * changes is an alias of it in RAM, which the prototype's ID leads to, and which is looked at first.
 */
enum { RUN_KNOWN = 128 };
static struct {
    const txSlot *prototype;
    txSlot *property;
    txID id;
} run_known[RUN_KNOWN];

/* A property that `run_own_property` has not found. */
static txSlot *run_inherited_property(txMachine *the, txSlot *instance, txID id) {
    if (!run_is_plain(instance))
        return mxBehaviorGetProperty(the, instance, id, 0, XS_ANY);
    txSlot *prototype = instance->value.instance.prototype;
    if (!prototype)
        return NULL;
    if (prototype->ID != XS_NO_ID) {
        txSlot *alias = the->aliasArray[prototype->ID];
        if (alias)
            prototype = alias;
        else if (!(prototype->flag & XS_EXOTIC_FLAG)) {
            unsigned place = ((uintptr_t)prototype / sizeof(txSlot) + (unsigned)id) % RUN_KNOWN;
            if (run_known[place].prototype == prototype && run_known[place].id == id)
                return run_known[place].property;
            txSlot *property = run_find(prototype, id);
            if (property) {
                run_known[place].prototype = prototype;
                run_known[place].property = property;
                run_known[place].id = id;
                return property;
            }
        }
    }
    return mxBehaviorGetProperty(the, prototype, id, 0, XS_ANY);
}

#endif
