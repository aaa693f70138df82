#!/usr/bin/env node
import { join } from 'node:path';
import { keepCompiledCode } from './foundation/compile-cache.ts';

// Before anything else is loaded: what a command needs is imported where it begins, and the parts of the others are not.
keepCompiledCode(join(import.meta.dirname, '../node_modules/.cache/docket'));

const { runProgram } = await import('./edge/cli/running/run.ts');
const { makeProgram } = await import('./program.ts');
await runProgram(makeProgram(process.env), process.argv.slice(2));
