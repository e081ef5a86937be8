export const unused = "THIS IS NOT USED".toLowerCase();
globalThis.unusedModule = true;
