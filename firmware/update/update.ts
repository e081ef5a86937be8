/** The module `update`, bound to a camera's slots. */
import type { UpdateStore } from "./store.ts";

export const createUpdate = (store: UpdateStore) => ({
  isTrial: (): boolean => store.running === "trial",
  confirm: (): void => store.confirm(),
});
