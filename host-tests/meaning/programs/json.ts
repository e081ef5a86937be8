/** JSON as a module: a value like any other, and each import has the same one. */
import again from "./parts/settings.json" with { type: "json" };
import settings from "./parts/settings.json" with { type: "json" };

console.log(
  `${settings.name} ${settings.list.join("+")} ${settings.nested.deep} ${String(settings.nothing)}`,
);
console.log(`${settings === again} ${Object.keys(settings).join(" ")} ${settings["with space"]}`);
settings.list.push(4);
console.log(JSON.stringify(again));
