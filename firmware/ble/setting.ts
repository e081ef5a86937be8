/** Settings: each is declared once, by the part of the firmware that it is for. */

/** A number: what it may be, and what it is until `config` changes it. */
export interface Setting<Name extends string = string> {
  readonly name: Name;
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** One of a few values. */
export interface ChoiceSetting<Name extends string = string, Value = string | boolean> {
  readonly name: Name;
  readonly choices: readonly Value[];
  readonly initial: Value;
}

type AnySetting<Name extends string = string> = Setting<Name> | ChoiceSetting<Name>;

/** What the host knows of settings: the declarations, and the values as they are now. */
export class SettingTable<Values extends Readonly<Record<string, number | string | boolean>>> {
  readonly values = {} as Values;
  private readonly declared = new Map<string, AnySetting>();

  /** Adds settings, with what they are at first; one that there is already stays as it is. */
  declare(...settings: readonly AnySetting<Extract<keyof Values, string>>[]): void {
    for (const setting of settings) {
      if (this.declared.has(setting.name)) continue;
      this.declared.set(setting.name, setting);
      (this.values as Record<string, unknown>)[setting.name] = setting.initial;
    }
  }

  get names(): readonly string[] {
    return [...this.declared.keys()];
  }

  /** @throws RangeError for what the setting may not be. */
  check(name: string, value: unknown): void {
    const setting = this.declared.get(name)!;
    if ("choices" in setting) {
      if (setting.choices.includes(value as string | boolean)) return;
      throw new RangeError(`config: ${name} is ${setting.choices.join(", ")}, not ${String(value)}`);
    }
    const { min, max } = setting;
    if (typeof value === "string") {
      throw new RangeError(`config: ${name} "${value}" is a text, not a number: ${min} to ${max}`);
    }
    if (typeof value !== "number" || !(value >= min && value <= max) || Math.floor(value) !== value) {
      throw new RangeError(`config: ${name} ${String(value)} is out of range: ${min} to ${max}`);
    }
  }
}
