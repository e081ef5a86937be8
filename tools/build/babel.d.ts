/** A package of Babel's that brings no types. */
declare module "@babel/plugin-transform-explicit-resource-management" {
  const plugin: import("@babel/core").PluginTarget;
  export default plugin;
}
