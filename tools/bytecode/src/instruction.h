/* instruction.h: a function's instructions before they become bytes, for the files that shorten them. */
#ifndef OBSCURA_INSTRUCTION_H
#define OBSCURA_INSTRUCTION_H

#include "compiler.h"
#include "xsScript.h"

#include "xsCodeNodes.h"

/* In the place of the identifier of an instruction that is left out. */
#define REMOVED (-1)

/* The instructions of a function, without those of the functions in it. A target's `index` is its place here.
 */
struct function {
    txByteCode **codes;
    uint32_t count;
};

/* Where a branch leads, or what is behind a function in a function. */
txByteCode *target_of(const txByteCode *branch);

bool is_branch(const txByteCode *code);

bool makes_variable(const txByteCode *code);

/* Which of the function's variables it is about, or NULL. */
txInteger *variable_of(txByteCode *code);

bool is_about(txByteCode *code, txInteger variable);

bool is_index(const txByteCode *code, txInteger id, txInteger index);

/* Whether the integer behind it says what kind of property it makes. */
bool takes_flags(const txByteCode *code);

/* The instruction behind `at` that is still there, or NULL at a function in the function or at the end. */
txByteCode *next_of(const struct function *function, uint32_t at);

/* ---- places in a function: function->count is none ---- */

/* The place behind `at`, or before it, of an instruction or a target that is still there. */
uint32_t place_behind(const struct function *function, uint32_t at);
uint32_t place_before(const struct function *function, uint32_t at);

bool is_at(const struct function *function, uint32_t at, txInteger id);

void remove_at(const struct function *function, uint32_t at);

/* Where a branch leads: none when that is not in the function. */
uint32_t leads_to(const struct function *function, uint32_t branch);

bool is_end(const txByteCode *code);

/* Whether control never goes on behind it. */
bool is_last(const txByteCode *code);

/* Where the variable that is used at `at` was made: none unless it is a temporary. */
uint32_t made_before(const struct function *function, uint32_t at, txInteger variable);

/* Whether what the instruction at `at` takes from the stack is a number that was just put there. */
bool takes_number(const struct function *function, uint32_t at, txInteger *number);

/* ---- optimize_variables.c ---- */

/* Reads parameters where the caller put them, and lets variables that always have a value be without a mark.
 */
void optimize_variables(const struct function *function);

/* Leaves out values that nobody reads, and variables that nobody uses. */
void optimize_unused(const struct function *function);

/* ---- optimize_environments.c ---- */

/* Puts the outer variables of the functions in it into an order that they share. They are finished. */
void optimize_environments(const struct function *function);

/* ---- optimize_flow.c ---- */

/* Leaves out what control cannot reach. */
void optimize_reach(const struct function *function);

/* Decides comparisons that always end the same, and leaves out what the end of a function makes needless. */
void optimize_flow(const struct function *function);

/* ---- optimize_loops.c ---- */

/* Loops over iterators. What control cannot reach is left out before. */
void optimize_loops(const struct function *function);

/* ---- optimize_values.c ---- */

/* Literals, patterns and templates. */
void optimize_values(const struct function *function);

#endif
