Object.defineProperty(exports, "__esModule", { value: true });
exports.version = void 0;
var parts = require("./parts");
var data = require("./data.json");
exports.version = data.version;
exports.count = 0;
exports.join = function join() {
  exports.count++;
  return parts.join(Array.prototype.slice.call(arguments), this === undefined ? "-" : "+");
};
exports.mode = process.env.NODE_ENV === "production" ? "same" : "same";
exports.hasBuffer = typeof Buffer === "function" && typeof Buffer.notThere === "function";
for (var name in parts) if (Object.hasOwn(parts, name)) exports["re_" + name] = parts[name];
