/** Settings: each is declared once, by the part of the firmware that it is for. */
import { checkInteger } from "./option-keys.ts";
import { shown } from "./text.ts";

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

  /** @throws TypeError for a value of another type, RangeError for one that the setting may not be. */
  check(name: string, value: unknown): void {
    const setting = this.declared.get(name)!;
    const isChoice = "choices" in setting;
    const range = isChoice ? setting.choices.join(", ") : `${setting.min} to ${setting.max}`;
    if (typeof value !== typeof setting.initial)
      throw new TypeError(`config: ${name} is ${shown(value)}, not a ${typeof setting.initial}: ${range}`);
    if (!isChoice) return checkInteger(`config: ${name}`, value as number, setting.min, setting.max);
    if (!setting.choices.includes(value as string | boolean))
      throw new RangeError(`config: ${name} is ${shown(value)}, not one of ${range}`);
  }
}
