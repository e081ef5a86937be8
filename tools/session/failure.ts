/** What a camera's console says when its firmware or its application fails, for the last line of a session. */

/** How long a camera that has failed may take for the rest of what it says. */
const lastWordsMs = 1000;

/** How long a camera may take to say, after its next start, whether what failed was on trial. */
const nextStartMs = 30_000;

/** Who hears of failures. */
export interface FailureListener {
  /** The camera has failed, and said everything about it. */
  onFailure(): void;
  /**
   * A new version was on trial, and the camera has gone back, as it should.
   * @param why a sentence without a full stop
   */
  onTrialEnded?(why: string): void;
}

/**
 * Reads a camera's console. A camera that fails says so in a line that begins with `fatal:`, with indented lines after
 * it, and starts again; an application that ends with an error is reported before that. One that began on trial has
 * failed only if the next start does not end its trial: nothing says when a client confirms it.
 */
export class FailureWatch {
  /** What failed last, in a sentence without a full stop. */
  failure: string | undefined;
  /** How often it failed. */
  count = 0;
  private readonly listener: FailureListener;
  private application: string | undefined;
  private place: string | undefined;
  private isOwn = false;
  private speaks = false;
  private mayBeOnTrial = false;
  /** What failed, until the camera's next start says what it was. */
  private undecided: string | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: FailureListener) {
    this.listener = listener;
  }

  /**
   * Takes one line.
   * @param text with its places translated
   * @param raw as the camera wrote it
   */
  line(text: string, raw: string = text): void {
    if (this.speaks && !/^\s/.test(text)) this.end();
    this.lookForTrial(text);
    const reported = /^error: (The application failed: .*)$/.exec(text)?.[1];
    const fatal = /^fatal: (.*)$/.exec(text)?.[1];
    if (reported !== undefined) {
      this.application = reported;
      this.place = undefined;
    } else if (fatal !== undefined) {
      this.application ??= `The camera failed: ${fatal}`;
      this.speaks = true;
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
    this.decide();
  }

  private lookForTrial(text: string): void {
    const why = /^warning: update: the trial of slot \d has ended: (.*)$/.exec(text)?.[1];
    if (why !== undefined) {
      const failure = this.undecided === undefined ? "" : ` (${this.undecided})`;
      this.undecided = undefined;
      clearTimeout(this.silence);
      this.mayBeOnTrial = false;
      this.listener.onTrialEnded?.(`The new version's trial has ended: ${why}${failure}`);
    } else if (/^info: update: slot \d is on trial$/.test(text)) {
      this.mayBeOnTrial = true;
    } else if (/^info: update: the trial is confirmed\b/.test(text)) {
      this.mayBeOnTrial = false;
    } else if (this.undecided !== undefined && !/^warning: restarted after a /.test(text)) {
      this.decide();
    }
  }

  private end(): void {
    clearTimeout(this.silence);
    this.speaks = false;
    this.undecided = this.place === undefined ? this.application : `${this.application}, at ${this.place}`;
    this.application = undefined;
    this.place = undefined;
    if (!this.mayBeOnTrial) this.decide();
    else this.silence = setTimeout(() => this.decide(), nextStartMs).unref();
  }

  /** It was no trial. */
  private decide(): void {
    if (this.undecided === undefined) return;
    clearTimeout(this.silence);
    this.failure = this.undecided;
    this.undecided = undefined;
    this.count++;
    this.listener.onFailure();
  }
}
