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
  const std::span<const std::uint8_t> sites = buffer.sites();
  code->word_count = buffer.size();
  code->site_bytes = static_cast<std::uint32_t>(sites.size());
  const std::size_t site_words = (sites.size() + kWordBytes - 1) / kWordBytes;
  code->words.reset(new (std::nothrow) std::uint64_t[code->word_count + site_words]);
  if (!code->words) return nullptr;
  std::ranges::copy(buffer.words(), code->words.get());
  // SAFETY: the words behind the code hold bytes.
  std::ranges::copy(sites, reinterpret_cast<std::uint8_t*>(code->words.get() + code->word_count));
  return code;
}

const std::uint8_t* Instance::Code::begin() const {
  // SAFETY: code is read through bytes.
  return reinterpret_cast<const std::uint8_t*>(words.get());
}

bool Instance::Code::contains(const std::uint8_t* pc) const {
  return pc >= begin() && pc < begin() + std::size_t{word_count} * kWordBytes;
}

TrapSite Instance::Code::site_of(std::uint32_t word) const {
  SiteReader reader({begin() + std::size_t{word_count} * kWordBytes, site_bytes});
  TrapSite found;
  for (TrapSite site; reader.next(site) && site.word <= word;) found = site;
  return found;
}

std::uint64_t Instance::Code::offset_of(const std::uint8_t* pc, std::uint64_t body) const {
  return body + site_of(static_cast<std::uint32_t>((pc - begin()) / kWordBytes)).offset;
}

bool Instance::Code::is_site(const std::uint8_t* pc) const {
  const auto at = static_cast<std::uint32_t>(pc - begin());
  return at % kWordBytes == 0 && site_of(at / kWordBytes).word == at / kWordBytes;
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
