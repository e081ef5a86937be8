/** What TypeScript sees of setup.mjs. */
export class SetupError extends Error {}
export class SetupInterrupted extends SetupError {
  readonly status: number;
}
export const verbPieces: Readonly<Record<string, readonly string[]>>;
export function piecesFor(board: string, radio?: string): string[];
export function setUp(pieces: readonly string[]): Promise<void>;
