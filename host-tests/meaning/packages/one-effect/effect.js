globalThis.oneEffect = "came about";
export const effect = 1;
