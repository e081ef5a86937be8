# The engine's xsMemory.c with its collection mended: to move chunks it takes a chunk for as large as the space that it
# lies in, and then reads an array with holes up to there, through bytes that nobody has written, and into the next chunk.
# What lies behind a chunk is cleared, and its header is no part of its slots. For sed -E.
s/^(				)aTotal \+= aSize;$/&\
\1c_memset(current + aSize, 0, (size_t)(next - current) - (size_t)aSize);/
s/txIndex aLength = chunk->size \/ sizeof\(txSlot\);/txIndex aLength = (chunk->size - sizeof(txChunk)) \/ sizeof(txSlot);/
