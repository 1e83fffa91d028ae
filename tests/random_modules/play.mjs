// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// play.mjs FOLDER NUMBER...: what play.cpp does, by V8.
import fs from "node:fs";
import path from "node:path";

const [folder, ...numbers] = process.argv.slice(2);
let lines = [];

// What V8 says, and what play.cpp calls it.
const traps = [
  [/unreachable/, "unreachable"],
  [/divide by zero|remainder by zero/, "division by zero"],
  [/divide result unrepresentable/, "quotient too large"],
  [/float unrepresentable/, "no such integer"],
  [/memory access out of bounds|data segment .* out of bounds/, "memory"],
  [/table index is out of bounds|table access|element segment|table initializer/, "table"],
  [/null function or function signature mismatch/, "function"],
  [/call stack|allocate memory|Out of memory/i, "exhausted"],
];

function kind(error) {
  const found = traps.find(([pattern]) => pattern.test(error.message));
  return found ? found[1] : `unknown: ${error.message}`;
}

function place(error) {
  const found = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/.exec(error.stack);
  return found ? `${found[1]}:${parseInt(found[2], 16)}` : "nowhere";
}

const word = (value) => BigInt.asUintN(64, value).toString(16).padStart(16, "0");
const report = {
  logged: (value) => lines.push(`  log ${word(value)}`),
  result: (value) => lines.push(`  = ${word(value)}`),
};

// Words of 32 bits, as FNV-1a has bytes.
function hash(memory) {
  const words = new Int32Array(memory.buffer);
  let sum = 0x811c9dc5 | 0;
  for (const each of words) sum = Math.imul(sum ^ each, 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}

const read = (name) => fs.readFileSync(path.join(folder, name));
const support = new WebAssembly.Module(read("support.wasm"));

function compile(bytes) {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return null;
  }
}

function callAll(caller) {
  for (const [name, call] of Object.entries(caller.exports)) {
    lines.push(`call ${name}`);
    try {
      call();
    } catch (error) {
      lines.push(`  trap ${kind(error)}, ${place(error)}`);
    }
  }
}

function play(number) {
  const module = compile(read(`${number}.module.wasm`));
  if (module === null) {
    lines.push("refused");
    return;
  }
  const supporting = new WebAssembly.Instance(support, { report });
  let instance;
  try {
    instance = new WebAssembly.Instance(module, { "fuzzing-support": supporting.exports });
  } catch (error) {
    lines.push(error instanceof WebAssembly.LinkError ? "unlinkable" : `ended: ${kind(error)}`);
    return;
  }
  const callers = new WebAssembly.Module(read(`${number}.caller.wasm`));
  callAll(new WebAssembly.Instance(callers, { report, module: instance.exports }));
  for (const [name, value] of Object.entries(instance.exports)) {
    if (!(value instanceof WebAssembly.Memory)) continue;
    lines.push(`memory ${name} ${value.buffer.byteLength} ${hash(value)}`);
  }
}

for (const number of numbers) {
  fs.writeSync(1, `module ${number}\n`);
  play(number);
  fs.writeSync(1, [...lines, "end", ""].join("\n"));
  lines = [];
}
