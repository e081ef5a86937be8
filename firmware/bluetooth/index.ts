/** The module `bluetooth` as an application sees it. */
export { UUID } from "../ble/uuid.ts";
