// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Engine: what all stores of an embedder have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/wasm/error.hpp>
#include <quoll/wasm/features.hpp>
#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/memory_provider.hpp>
#include <quoll/wasm/module.hpp>

namespace quoll::wasm {

/// When functions are translated to threaded code. Validation is complete before, in either case.
enum class Translation : std::uint8_t { kOnFirstCall, kAtInstantiation };

struct EngineConfig {
  MemoryProvider memory;
  /// Stack of a store's own guest thread.
  std::uint64_t stack_bytes = kDefaultStackBytes;
  /// Most bytes that one memory may grow to, whatever its type allows.
  std::uint64_t max_memory_bytes = kDefaultMaxMemoryBytes;
  Translation translation = Translation::kOnFirstCall;
  /// What modules may use.
  Features features{};
  /// Whether `Execution::interrupt` can end a run. Costs a few instructions for each turn of a loop
  /// and each call; an embedder that preempts its threads needs none of that.
  bool interruptible = false;
};

/// Configuration shared by stores. It outlives them.
class Engine {
 public:
  explicit Engine(const EngineConfig& config) : config_(config) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineConfig& config() const { return config_; }
  /// Decodes and validates a module with the configured features; see `Module::decode`.
  base::Result<std::unique_ptr<Module>, ModuleError> decode(
      std::span<const std::uint8_t> bytes) const {
    return Module::decode(bytes, config_.features);
  }

 private:
  EngineConfig config_;
};

}  // namespace quoll::wasm
