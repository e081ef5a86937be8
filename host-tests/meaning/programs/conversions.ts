/** Conversions to text and numbers that run code, whose results nobody uses. */
export {};

const log: string[] = [];
const spy = (name: string) => ({
  valueOf() {
    log.push(`${name} valueOf`);
    return 1;
  },
  toString() {
    log.push(`${name} toString`);
    return name;
  },
});
const object = spy("object") as unknown as number;
+object;
-object;
object + 1;
object < 2;
`${object}`;
object * object;
const unused = `${spy("unused")}`;
const sum = (spy("sum") as unknown as number) + 1;
String(spy("String"));
Number(spy("Number"));
({})[spy("key") as unknown as string];
const key = { [spy("computed") as unknown as string]: 1 };
class Keyed {
  [spy("member") as unknown as string]() {}
}
const primitive = {
  [Symbol.toPrimitive](hint: string) {
    log.push(`hint ${hint}`);
    return 1;
  },
};
+primitive;
`${primitive as unknown as string}`;
function inside(): void {
  +(spy("inside") as unknown as number);
}
inside();
[spy("joined")].join();
void [unused, sum, key, Keyed];
console.log(log.join("\n"));
