// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Engine: what all stores of an embedder have in common.
#pragma once

#include <cstdint>

#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/memory_provider.hpp>

namespace quoll::wasm {

/// When functions are translated to threaded code. Validation is complete before, in either case.
enum class Translation : std::uint8_t { kOnFirstCall, kAtInstantiation };

struct EngineConfig {
  MemoryProvider memory;
  /// Stack of a store's own guest thread.
  std::uint64_t stack_bytes = kDefaultStackBytes;
  /// Most bytes that one memory may grow to, whatever its type allows.
  std::uint64_t max_memory_bytes = kMaxMemoryPages * kWasmPageSize;
  Translation translation = Translation::kOnFirstCall;
};

/// Configuration shared by stores. It outlives them.
class Engine {
 public:
  explicit Engine(const EngineConfig& config) : config_(config) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineConfig& config() const { return config_; }

 private:
  EngineConfig config_;
};

}  // namespace quoll::wasm
