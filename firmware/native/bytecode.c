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

uint32_t bytecode_step(const uint8_t *code, uint32_t left) {
    if (left == 0 || code[0] >= XS_CODE_COUNT)
        return 0;
    /* The engine's table: the size of an instruction, or 0 for an identifier, or minus the width of a length
     * that follows. A function's own code is walked too: its length stands alone. */
    int form = gxCodeSizes[code[0]];
    uint64_t step;
    if (form > 0)
        step = (uint32_t)form;
    else if (form == 0)
        step = 1 + sizeof(txID);
    else if (form == -1)
        step = left < 2 ? left + 1 : 2u + code[1];
    else if (form == -2)
        step = left < 3 ? left + 1 : 3u + bundle_get16(code + 1);
    else
        step = left < 5 ? left + UINT64_C(1) : 5u + (uint64_t)bundle_get32(code + 1);
    return step <= left ? (uint32_t)step : 0;
}

bool bytecode_rewrite(uint8_t *code, uint32_t size, const uint16_t *map, uint32_t count) {
    uint32_t step;
    for (uint32_t at = 0; at < size; at += step) {
        code[at] = in_place(code[at]);
        step = bytecode_step(code + at, size - at);
        if (step == 0)
            return false;
        if (gxCodeSizes[code[at]] == 0) {
            uint16_t id = bundle_get16(code + at + 1);
            if (id >= count)
                return false;
            code[at + 1] = (uint8_t)map[id];
            code[at + 2] = (uint8_t)(map[id] >> 8);
        }
    }
    return true;
}

uint32_t bytecode_function(const uint8_t *code, uint32_t *length) {
    switch (code[0]) {
    case XS_CODE_CODE_ARCHIVE_1:
        *length = code[1];
        return 2;
    case XS_CODE_CODE_ARCHIVE_2:
        *length = bundle_get16(code + 1);
        return 3;
    case XS_CODE_CODE_ARCHIVE_4:
        *length = bundle_get32(code + 1);
        return 5;
    default:
        return 0;
    }
}
