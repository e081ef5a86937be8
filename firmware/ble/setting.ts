/** Settings that are numbers: each is declared once, by the part of the firmware that it is for. */

/** A setting: what it may be, and what it is until `config` changes it. */
export interface Setting<Name extends string = string> {
  readonly name: Name;
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** What the host knows of settings: the declarations, and the values as they are now. */
export class SettingTable<Values extends Readonly<Record<string, number>>> {
  readonly values = {} as Values;
  private readonly declared = new Map<string, Setting>();

  /** Adds settings, with what they are at first; one that there is already stays as it is. */
  declare(...settings: readonly Setting<Extract<keyof Values, string>>[]): void {
    for (const setting of settings) {
      if (this.declared.has(setting.name)) continue;
      this.declared.set(setting.name, setting);
      (this.values as Record<string, number>)[setting.name] = setting.initial;
    }
  }

  get names(): readonly string[] {
    return [...this.declared.keys()];
  }

  /** @throws RangeError for what the setting may not be. */
  check(name: string, value: number): void {
    const { min, max } = this.declared.get(name)!;
    if (!(value >= min && value <= max) || Math.floor(value) !== value) {
      throw new RangeError(`config: ${name} ${value} is out of range: ${min} to ${max}`);
    }
  }
}
