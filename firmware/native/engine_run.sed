# The engine's xsRun.c with the interpreter's variables where engine_run.h wants them: `register txSlot* stack = …`
# becomes `register txSlot* stack IN_REGISTER_stack = …`. For sed -E.
s/^(	register tx(Slot|Byte)\* )(stack|scope|frame|environment|code)( =|;)/\1\3 IN_REGISTER_\3\4/
s/^(	register txU1 )(byte)( =)/\1\2 IN_REGISTER_\2\3/
# The end of the engine's stack, which each push looks at, is a variable and not a field of the machine.
s/^(	register txSlot\* stack IN_REGISTER_stack = the->stack;)$/\1\
	txSlot* const stackBottom = the->stackBottom;/
/^#define mxAllocStack\(_COUNT\)/,/^	mxStack -= _COUNT/s/the->stackBottom/stackBottom/
# Properties by name are looked up in place first: see engine_run.h.
/^		mxCase\(XS_CODE_GET_PROPERTY\)/,/^		XS_CODE_GET_PROPERTY_ALL:/s@^(			)/\* continue \*/$@\1slot = run_own_property(variable, (txID)offset);\
\1if (!slot)\
\1	slot = run_inherited_property(the, variable, (txID)offset);\
\1goto XS_CODE_GET_ALL;@
/^		mxCase\(XS_CODE_SET_PROPERTY\)/,/^		XS_CODE_SET_PROPERTY_ALL:/s@^(			)/\* continue \*/$@\1slot = run_own_property(variable, (txID)offset);\
\1if (slot)\
\1	goto XS_CODE_SET_ALL;@
