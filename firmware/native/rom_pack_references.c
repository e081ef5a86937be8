/* rom_pack_references.c: what the slots of a machine refer to. */
#include "rom_pack.h"

txIndex pack_item_count(txSlot *array) {
    txIndex count = fxGetIndexSize(NULL, array);
    return count < array->value.array.length ? count : array->value.array.length;
}

void pack_visit(txSlot *slot, pack_visitor visit) {
    switch (slot->kind) {
    case XS_UNINITIALIZED_KIND:
    case XS_UNDEFINED_KIND:
    case XS_NULL_KIND:
    case XS_BOOLEAN_KIND:
    case XS_INTEGER_KIND:
    case XS_NUMBER_KIND:
    case XS_STRING_X_KIND:
    case XS_SYMBOL_KIND:
    case XS_BIGINT_X_KIND:
    case XS_ARRAY_BUFFER_KIND:
    case XS_BUFFER_INFO_KIND:
    case XS_DATE_KIND:
    case XS_DATA_VIEW_KIND:
    case XS_IDS_KIND:
    case XS_KEY_X_KIND:
    case XS_REGEXP_KIND:
    case XS_TYPED_ARRAY_KIND:
        break;
    case XS_REFERENCE_KIND:
    case XS_CLOSURE_KIND:
        visit(&slot->value.reference);
        break;
    case XS_INSTANCE_KIND:
        visit(&slot->value.instance.prototype);
        break;
    case XS_ARGUMENTS_SLOPPY_KIND:
    case XS_ARGUMENTS_STRICT_KIND:
    case XS_ARRAY_KIND:
        for (txIndex i = 0; i < pack_item_count(slot); i++)
            pack_visit(&slot->value.array.address[i], visit);
        break;
    case XS_CALLBACK_KIND:
    case XS_CALLBACK_X_KIND:
        visit(&slot->value.callback.closures);
        break;
    case XS_CODE_X_KIND:
        visit(&slot->value.code.closures);
        break;
    case XS_MAP_KIND:
    case XS_SET_KIND:
        for (txSize i = 0; i < slot->value.table.length; i++)
            visit(&slot->value.table.address[i]);
        break;
    case XS_MODULE_KIND:
    case XS_PROGRAM_KIND:
        visit(&slot->value.module.realm);
        break;
    case XS_WEAK_MAP_KIND:
    case XS_WEAK_SET_KIND:
        visit(&slot->value.weakList.first);
        break;
    case XS_ENTRY_KIND:
        visit(&slot->value.entry.slot);
        break;
    case XS_ERROR_KIND:
        visit(&slot->value.error.info);
        break;
    /* Two references. */
    case XS_ACCESSOR_KIND:
    case XS_EXPORT_KIND:
    case XS_HOME_KIND:
    case XS_LIST_KIND:
    case XS_PRIVATE_KIND:
    case XS_WEAK_ENTRY_KIND:
        visit(&slot->value.list.first);
        visit(&slot->value.list.last);
        break;
    default:
        failure_fatal("preload: the firmware's module keeps a value that an image cannot hold (kind %d)",
                      slot->kind);
    }
}
