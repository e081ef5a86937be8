/** What a camera's console says when its firmware or its application fails, for the last line of a session. */

/** How long a camera that has failed may take for the rest of what it says. */
const lastWordsMs = 1000;

/**
 * Reads a camera's console. A camera that fails says so in a line that begins with `fatal:`, with indented lines after
 * it, and starts again; an application that ends with an error is reported before that.
 */
export class FailureWatch {
  /** What failed last, in a sentence without a full stop. */
  failure: string | undefined;
  /** How often it failed. */
  count = 0;
  private readonly onFailure: () => void;
  private application: string | undefined;
  private place: string | undefined;
  private isOwn = false;
  private speaks = false;
  private silence: ReturnType<typeof setTimeout> | undefined;

  /** @param onFailure called when the camera has failed and said everything about it */
  constructor(onFailure: () => void) {
    this.onFailure = onFailure;
  }

  /**
   * Takes one line.
   * @param text with its places translated
   * @param raw as the camera wrote it
   */
  line(text: string, raw: string = text): void {
    if (this.speaks && !/^\s/.test(text)) this.end();
    const reported = /^error: (The application failed: .*)$/.exec(text)?.[1];
    const fatal = /^fatal: (.*)$/.exec(text)?.[1];
    if (reported !== undefined) {
      this.application = reported;
      this.place = undefined;
    } else if (fatal !== undefined) {
      this.application ??= `The camera failed: ${fatal}`;
      this.speaks = true;
      this.count++;
      this.silence = setTimeout(() => this.end(), lastWordsMs);
    } else if (this.application !== undefined) {
      const place = /^(?:error:)?\s+at (?:async )?(?:[^(]*\()?([^()]+:\d+:\d+)\b/.exec(text)?.[1];
      // The first of the application's own; the firmware's where there is none.
      const isOwn = / application [0-9a-f]{8}\+|\(application /.test(raw);
      if (place !== undefined && (this.place === undefined || (isOwn && !this.isOwn))) {
        this.place = place;
        this.isOwn = isOwn;
      }
    }
  }

  /** Nothing more comes: the process has ended. */
  close(): void {
    if (this.speaks) this.end();
  }

  private end(): void {
    clearTimeout(this.silence);
    this.speaks = false;
    this.failure = this.place === undefined ? this.application : `${this.application}, at ${this.place}`;
    this.application = undefined;
    this.place = undefined;
    this.onFailure();
  }
}
