/** Auto-accessors: a private place with a getter and a setter. */
export {};

class Thermostat {
  accessor target = 20;
  static accessor made = 0;
  accessor unset: number | undefined;
  constructor() {
    Thermostat.made++;
  }
}
class Quiet extends Thermostat {
  override accessor target = 17;
}
const thermostat = new Thermostat();
thermostat.target += 1.5;
console.log(`${thermostat.target} ${new Quiet().target} ${thermostat.unset} ${Thermostat.made}`);
console.log(`own keys: ${Object.keys(thermostat).length}`);
const described = Object.getOwnPropertyDescriptor(Thermostat.prototype, "target");
console.log(`${typeof described?.get} ${typeof described?.set}`);
