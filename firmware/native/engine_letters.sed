# The engine's xsre.c without the small letter of a sigma at the end of a word: what toLowerCase would need to find that end
# is tables of 4.6 KB, and it makes any other sigma of it. For sed -E.
s/^	txString s = mxThis->value\.string;$/	return 0x03c3;\
&/
