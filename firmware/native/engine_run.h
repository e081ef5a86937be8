/*
 * engine_run.h: read before xsRun.c, the interpreter, as engine_run.sed has changed it.
 *
 * The interpreter is one function that calls setjmp, for `catch`. Of a function that does, GCC keeps no
 * variable in a register that is needed after the call, which here are all that matter: a third of the
 * interpreter's instructions were loads and stores of them. Named registers are left alone by that. They are
 * such as calls preserve, and what runs after a second return takes all of them anew from the->firstJump.
 * None is a frame pointer (r7, rbp): GCC takes that for never NULL.
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

#endif
