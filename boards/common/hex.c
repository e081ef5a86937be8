#include "hex.h"
#include <string.h>

static int digit(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

bool hex_parse(const char *text, uint8_t *bytes, size_t length) {
    if (strlen(text) != 2 * length)
        return false;
    for (size_t i = 0; i < 2 * length; i++)
        if (digit(text[i]) < 0)
            return false;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return true;
}
