// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One module, instantiated in a store of its own.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "module_builder.hpp"

namespace quoll::wasm::test {

inline EngineConfig host_config(std::uint64_t stack_bytes = kDefaultStackBytes) {
  EngineConfig config;
  config.memory = host_memory_provider();
  config.stack_bytes = stack_bytes;
  return config;
}

class Guest {
 public:
  explicit Guest(Bytes bytes, const EngineConfig& config = host_config())
      : bytes_(std::move(bytes)), engine_(config), store_(engine_), linker_(store_) {
    auto decoded = Module::decode(bytes_);
    if (!decoded) {
      ADD_FAILURE() << text(decoded.error().rule) << " at " << decoded.error().offset;
      return;
    }
    module_ = std::move(decoded).value();
  }

  Linker& linker() { return linker_; }
  Store& store() { return store_; }
  const Module& module() const { return *module_; }

  /// The instance; made when first asked for, so that imports can be defined before.
  Instance& instance() {
    if (instance_ == nullptr) {
      auto made = linker_.instantiate(*module_);
      if (!made) {
        ADD_FAILURE() << text(made.error().rule) << " " << made.error().name;
        std::abort();
      }
      instance_ = *made;
    }
    return *instance_;
  }

  Outcome call(std::uint32_t function, const std::vector<Value>& arguments,
               std::vector<Value>* results = nullptr) {
    std::vector<Value> values(instance().module().function_type(function).results.size());
    const Outcome outcome = instance().invoke(function, arguments, values);
    if (results != nullptr) *results = values;
    return outcome;
  }

  /// Calls a function that is expected to return one value.
  Value value(std::uint32_t function, const std::vector<Value>& arguments = {}) {
    std::vector<Value> results;
    const Outcome outcome = call(function, arguments, &results);
    EXPECT_TRUE(outcome.returned()) << text(outcome.trap.kind);
    return results.empty() ? Value() : results[0];
  }

  /// Calls a function that is expected to trap.
  WasmTrap trap(std::uint32_t function, const std::vector<Value>& arguments = {}) {
    const Outcome outcome = call(function, arguments);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kTrapped);
    return outcome.trap;
  }

 private:
  Bytes bytes_;
  Engine engine_;
  std::unique_ptr<Module> module_;
  Store store_;
  Linker linker_;
  Instance* instance_ = nullptr;
};

}  // namespace quoll::wasm::test
