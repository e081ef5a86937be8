/** What TypeScript sees of installation.mjs. */
export const root: string;
export const isPackage: boolean;
export const name: string;
export const version: string;
export const nodeRange: string;
export const dependencies: Readonly<Record<string, string>>;
export const buildRoot: string;
export const cryptoFolder: string;
export const venv: string;
export const clientsVenv: string;
export function packageFolder(dependency: string): string | undefined;
export function engineFolder(): string | undefined;
