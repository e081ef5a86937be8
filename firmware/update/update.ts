/** The module `update`, bound to a camera's slots. */
import type { UpdateStore } from "./store.ts";

/** @param camera its store is asked for no earlier than the application asks */
export const createUpdate = (camera: { readonly store: Pick<UpdateStore, "running" | "confirm"> }) => ({
  isTrial: (): boolean => camera.store.running === "trial",
  confirm: (): void => camera.store.confirm(),
});
