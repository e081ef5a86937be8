# The engine's xsRun.c with the interpreter's variables where engine_run.h wants them: `register txSlot* stack = …`
# becomes `register txSlot* stack IN_REGISTER_stack = …`. For sed -E.
s/^(	register tx(Slot|Byte)\* )(stack|scope|frame|environment|code)( =|;)/\1\3 IN_REGISTER_\3\4/
s/^(	register txU1 )(byte)( =)/\1\2 IN_REGISTER_\2\3/
