import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

// For `node --import`: gives dependency-cruiser and knip a TypeScript that they can call. TypeScript 7, which checks
// our types, is a program without such an interface; the older one that the code generator brings along still has it,
// and reads all of our syntax.
const own = createRequire(import.meta.url);
const plugin = createRequire(own.resolve('@bufbuild/protoc-gen-es/package.json'));
const generator = createRequire(plugin.resolve('@bufbuild/protoplugin'));
const callable = new Map(['typescript', 'typescript/package.json'].map((name) => [name, pathToFileURL(generator.resolve(name)).href]));

registerHooks({
  resolve(specifier, context, next) {
    const url = callable.get(specifier);
    return url ? { url, shortCircuit: true } : next(specifier, context);
  },
});
