// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <optional>

#include <quoll/wasm/translation_hash.hpp>

#include "runtime/code.hpp"
#include "translate/function_compiler.hpp"
#include "translate/handler_numbers.hpp"

namespace quoll::wasm {

namespace {

/// Takes numbers in, one after the other.
class Hash {
 public:
  void add(std::uint64_t number) {
    constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15;
    state_ = (state_ ^ number) * kPrime;
    state_ ^= state_ >> 32;
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

bool is_same(const Instance::Code& code, const CodeBuffer& fresh) {
  const std::span<const std::uint8_t> sites = fresh.sites();
  return code.word_count == fresh.size() && code.site_bytes == sites.size() &&
         std::equal(fresh.words().begin(), fresh.words().end(), code.words.get()) &&
         // SAFETY: the words behind the code hold bytes.
         std::equal(sites.begin(), sites.end(),
                    reinterpret_cast<const std::uint8_t*>(code.words.get() + code.word_count));
}

/// Adds a function's code: in front of a word that is an address, what it names.
bool add_code(Hash& hash, const CodeBuffer& code, containers::Vector<CodeNote>& notes,
              const HandlerNumbers& handlers) {
  std::sort(notes.begin(), notes.end(),
            [](const CodeNote& a, const CodeNote& b) { return a.word < b.word; });
  hash.add(code.size());
  const CodeNote* note = notes.begin();
  for (std::uint32_t i = 0; i < code.size(); ++i) {
    const std::uint64_t word = code.words()[i];
    if (note == notes.end() || note->word != i) {
      hash.add(word);
      continue;
    }
    hash.add(static_cast<std::uint64_t>(note->named) + 1);
    if (note->named == Named::kHandler) {
      const std::optional<std::uint32_t> number = handlers.find(word);
      if (!number) return false;
      hash.add(*number);
    } else {
      hash.add(note->index);
    }
    ++note;
  }
  for (const std::uint8_t byte : code.sites()) hash.add(byte);
  return true;
}

}  // namespace

const char* text(HashError error) noexcept {
  switch (error) {
    case HashError::kOutOfMemory:
      return "out of memory";
    case HashError::kUnknownHandler:
      return "a handler that is not in the list";
    case HashError::kDiffers:
      return "translated to something else before";
  }
  return "unknown error";
}

base::Result<std::uint64_t, HashError> translation_hash(Instance& instance) {
  HandlerNumbers handlers;
  if (!handlers.build()) return base::err(HashError::kOutOfMemory);
  const Module& module = instance.module();
  FunctionCompiler compiler(instance);
  containers::Vector<CodeNote> notes;
  compiler.keep_notes(notes);
  Hash hash;
  for (std::uint32_t i = module.imported_function_count(); i < module.function_count(); ++i) {
    if (!compiler.translate(i)) return base::err(HashError::kOutOfMemory);
    const Instance::Code* const before = Machine::translation(instance.function(i));
    if (before != nullptr && !is_same(*before, compiler.code())) {
      return base::err(HashError::kDiffers);
    }
    if (!add_code(hash, compiler.code(), notes, handlers)) {
      return base::err(HashError::kUnknownHandler);
    }
  }
  return hash.value();
}

}  // namespace quoll::wasm
