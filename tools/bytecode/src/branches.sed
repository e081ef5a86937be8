# The engine's xsCode.c, with branches as short as they can be. As it is, whether a branch forward reaches its target in one
# byte, or in two, is decided as if every branch of the whole bundle still to come lay between the two: so most branches take
# 3 bytes where 2 would do, and in a large bundle 5. Here the first pass counts every branch as 5 bytes long, `delta` is
# what was saved up to where the second pass is, and the difference bounds the distance from there on. Targets behind have
# their place by then, and no branch forward reaches less far than from where it stands. For sed -E.
s/^(			)delta \+= 3;$/\1size += 3;/
s/offset \+ delta > (32767|127)/offset - delta > \1/
s/^(				)delta -= (2|3);$/\1delta += \2;/
