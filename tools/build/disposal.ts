/**
 * Lowers `using` and `await using`, module by module and before the modules are put together: what a module holds at
 * its top level is disposed of at that module's end, and not at the end of the bundle.
 *
 * esbuild would lower them too, but keeps a block's error in a variable of the whole function: in a loop, an error
 * that was caught in one round is thrown again by every later one. Babel makes a context for each entry of a block.
 */
import { buildExternalHelpers, type PluginObj, transformAsync, types } from "@babel/core";
import resourceManagement from "@babel/plugin-transform-explicit-resource-management";
import type { Plugin } from "rollup";

// What @types/babel__core leaves out.
declare module "@babel/core" {
  function buildExternalHelpers(names: readonly string[], outputType: "module"): string;
  interface BabelFile {
    set(key: "helperGenerator", generator: (name: string) => types.Identifier): void;
  }
}

/** The module of the helpers: one for the whole bundle. */
const HELPERS = "\0disposal";

/** Imports the helper that the transformation asks for, instead of writing it into each module. */
const sharedHelper: PluginObj = {
  name: "shared-helper",
  pre(file) {
    let local: types.Identifier | undefined;
    file.set("helperGenerator", (name: string) => {
      if (local === undefined) {
        local = file.scope.generateUidIdentifier(name);
        const specifier = types.importSpecifier(local, types.identifier(name));
        file.path.unshiftContainer(
          "body",
          types.importDeclaration([specifier], types.stringLiteral(HELPERS)),
        );
      }
      return types.cloneNode(local);
    });
  },
  visitor: {},
};

/** Rollup plugin that lowers them in JavaScript: it stands behind what takes the types away. */
export function lowerDisposal(): Plugin {
  return {
    name: "lower-disposal",
    resolveId: (id) => (id === HELPERS ? id : null),
    load: (id) => (id === HELPERS ? buildExternalHelpers(["usingCtx"], "module") : null),
    async transform(code, id) {
      // esbuild wrote the code, and it writes a declaration as `using name`.
      if (id === HELPERS || !/\busing\s/.test(code)) return null;
      const result = await transformAsync(code, {
        plugins: [sharedHelper, resourceManagement],
        filename: id,
        babelrc: false,
        configFile: false,
        sourceMaps: true,
        compact: false,
      });
      return { code: result!.code!, map: result!.map as never };
    },
  };
}
