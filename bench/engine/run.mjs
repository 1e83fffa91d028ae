// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// run.mjs MODULE [ARGUMENT...]: a WASI program with V8.
import fs from "node:fs";
import { WASI } from "node:wasi";

const args = process.argv.slice(2);
const module = new WebAssembly.Module(fs.readFileSync(args[0]));
const old = WebAssembly.Module.imports(module).some((wanted) => wanted.module === "wasi_unstable");
// Programs with an old C library end when they find no environment at all here.
const env = { PWD: "/" };
const version = old ? "unstable" : "preview1";
const wasi = new WASI({ version, args, env, returnOnExit: true });
const imports = { wasi_snapshot_preview1: wasi.wasiImport, wasi_unstable: wasi.wasiImport };
process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
