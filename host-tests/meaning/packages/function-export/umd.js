((root, factory) => {
  if (typeof define === "function" && define.amd) define([], factory);
  else if (typeof module === "object" && module.exports) module.exports = factory();
  else root.functionExport = factory();
})(typeof self !== "undefined" ? self : this, () => {
  function double(x) {
    return 2 * x;
  }
  double.half = (x) => x / 2;
  return double;
});
