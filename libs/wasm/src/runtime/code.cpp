// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runtime/code.hpp"

#include <algorithm>
#include <new>

#include "interpret/control.hpp"
#include "translate/function_compiler.hpp"

namespace quoll::wasm {

std::unique_ptr<Instance::Code> Instance::Code::create(const CodeBuffer& buffer) {
  std::unique_ptr<Code> code(new (std::nothrow) Code());
  if (!code) return nullptr;
  code->word_count = buffer.size();
  code->site_count = static_cast<std::uint32_t>(buffer.sites().size());
  code->words.reset(new (std::nothrow) std::uint64_t[code->word_count]);
  code->sites.reset(new (std::nothrow) TrapSite[code->site_count]);
  if (!code->words || !code->sites) return nullptr;
  std::ranges::copy(buffer.words(), code->words.get());
  std::ranges::copy(buffer.sites(), code->sites.get());
  return code;
}

const std::uint8_t* Instance::Code::begin() const {
  // SAFETY: code is read through bytes.
  return reinterpret_cast<const std::uint8_t*>(words.get());
}

bool Instance::Code::contains(const std::uint8_t* pc) const {
  return pc >= begin() && pc < begin() + std::size_t{word_count} * kWordBytes;
}

std::uint32_t Instance::Code::offset_of(const std::uint8_t* pc) const {
  const auto word = static_cast<std::uint32_t>((pc - begin()) / kWordBytes);
  const TrapSite* first = sites.get();
  const TrapSite* after =
      std::upper_bound(first, first + site_count, word,
                       [](std::uint32_t w, const TrapSite& site) { return w < site.word; });
  return after == first ? 0 : (after - 1)->offset;
}

bool translate_function(Func& func) {
  Instance& instance = *func.instance();
  FunctionCompiler compiler(instance);
  if (!compiler.translate(func.index())) return false;
  std::unique_ptr<Instance::Code> code = Instance::Code::create(compiler.code());
  if (!code) return false;
  Machine::set_code(func, std::move(code));
  return true;
}

}  // namespace quoll::wasm
