// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The code section: every body is validated here, whether or not it is ever called.
#include <quoll/wasm/limits.hpp>

#include "decode/module_decoder.hpp"
#include "translate/function_compiler.hpp"

namespace quoll::wasm {

bool ModuleDecoder::decode_code(Reader& reader) {
  have_code_ = true;
  const std::uint64_t start = reader.offset();
  std::uint32_t count;
  if (!reader.read_count(count, 2)) return false;
  const std::uint32_t imported = module_.imported_functions_;
  if (count != module_.functions_.size() - imported) {
    return reader.fail(Rule::kFunctionCodeMismatch, start);
  }
  if (!module_.bodies_.try_reserve(count)) return reader.fail(Rule::kOutOfMemory);
  FunctionCompiler compiler(module_, declared_.span());
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t size;
    std::span<const std::uint8_t> bytes;
    const std::uint64_t at = reader.offset();
    if (!reader.read_count(size)) return false;
    if (size > kMaxFunctionBytes) return reader.fail(Rule::kFunctionTooLarge, at);
    FunctionBody body;
    body.code = {static_cast<std::uint32_t>(reader.offset()), size};
    if (!reader.read_bytes(size, bytes)) return false;
    if (!compiler.validate(imported + i, body)) {
      return reader.fail(compiler.error());
    }
    if (!module_.bodies_.try_push_back(body)) return reader.fail(Rule::kOutOfMemory);
  }
  if (compiler.uncounted_data().exists) uncounted_data_ = compiler.uncounted_data().offset;
  return true;
}

}  // namespace quoll::wasm
