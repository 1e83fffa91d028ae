// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// validate.mjs MODULE COUNT: the same with V8, as validate.hpp says.
import fs from "node:fs";

const [path, count] = process.argv.slice(2);
const bytes = fs.readFileSync(path);
if (!WebAssembly.validate(bytes)) {
  console.error(`${path} is not valid`);
  process.exit(1);
}
const begin = process.hrtime.bigint();
for (let i = 0; i < Number(count); ++i) WebAssembly.validate(bytes);
console.log(String((process.hrtime.bigint() - begin) / BigInt(count)));
