// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the fuzzers do with a module once it is decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <quoll/wasm/wasm.hpp>

namespace quoll::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// Ends the program, which is how a fuzzer reports: what was required did not hold.
void require(bool condition, const char* what);

/// Decodes, and requires what always holds of the result: where an error is, and that the same
/// bytes give the same answer. Null for an error.
std::unique_ptr<wasm::Module> decode(Bytes bytes, wasm::Features features);

/// A store with an instance of a module, imports of all kinds included: functions return at once,
/// with zeros.
class Sandbox {
 public:
  explicit Sandbox(const wasm::EngineConfig& config);
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Null when a limit forbids it, or a segment does not fit. The module outlives this.
  wasm::Instance* instantiate(const wasm::Module& module, wasm::StartMode start);
  wasm::Store& store() { return store_; }

 private:
  bool define(const wasm::Import& import);

  wasm::Engine engine_;
  wasm::Store store_;
  wasm::Linker linker_;
};

/// Small limits, so that modules which ask for much are refused rather than slow.
wasm::EngineConfig small_config();

}  // namespace quoll::fuzz
