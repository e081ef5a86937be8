#include "bytecode.h"

#include "bundle.h"
#include "xsAll.h"

static uint8_t in_place(uint8_t instruction) {
    switch (instruction) {
    case XS_CODE_CODE_1:
        return XS_CODE_CODE_ARCHIVE_1;
    case XS_CODE_CODE_2:
        return XS_CODE_CODE_ARCHIVE_2;
    case XS_CODE_CODE_4:
        return XS_CODE_CODE_ARCHIVE_4;
    case XS_CODE_STRING_1:
        return XS_CODE_STRING_ARCHIVE_1;
    case XS_CODE_STRING_2:
        return XS_CODE_STRING_ARCHIVE_2;
    case XS_CODE_STRING_4:
        return XS_CODE_STRING_ARCHIVE_4;
    default:
        return instruction;
    }
}

bool bytecode_rewrite(uint8_t *code, uint32_t size, const uint16_t *map, uint32_t count) {
    uint32_t at = 0;
    while (at < size) {
        uint32_t left = size - at;
        if (code[at] >= XS_CODE_COUNT)
            return false;
        code[at] = in_place(code[at]);
        /* The engine's table: the size of an instruction, or 0 for an identifier, or minus the width of a
         * length that follows. A function's own code is walked too: its length stands alone. */
        int form = gxCodeSizes[code[at]];
        uint64_t step;
        if (form > 0) {
            step = (uint32_t)form;
        } else if (form == 0) {
            step = 1 + sizeof(txID);
            if (left < step)
                return false;
            uint16_t id = bundle_get16(code + at + 1);
            if (id >= count)
                return false;
            code[at + 1] = (uint8_t)map[id];
            code[at + 2] = (uint8_t)(map[id] >> 8);
        } else if (form == -1) {
            if (left < 2)
                return false;
            step = 2u + code[at + 1];
        } else if (form == -2) {
            if (left < 3)
                return false;
            step = 3u + bundle_get16(code + at + 1);
        } else {
            if (left < 5)
                return false;
            step = 5u + (uint64_t)bundle_get32(code + at + 1);
        }
        if (step > left)
            return false;
        at += (uint32_t)step;
    }
    return true;
}
