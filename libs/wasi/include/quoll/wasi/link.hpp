// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Linkage: lends the functions of one process to the engine.
#pragma once

#include <array>
#include <cstddef>

#include <quoll/wasi/functions.hpp>
#include <quoll/wasi/process.hpp>
#include <quoll/wasm/host_function.hpp>
#include <quoll/wasm/linker.hpp>

namespace quoll::wasi {

/// What the engine calls, for both dialects. It and its process outlive the store.
class Linkage {
 public:
  explicit Linkage(Process& process);
  Linkage(const Linkage&) = delete;
  Linkage& operator=(const Linkage&) = delete;
  ~Linkage() = default;

  /// Makes `linker` find the functions, and link what nobody knows to a trap with its name.
  void attach(wasm::Linker& linker);

 private:
  /// The context of one host function.
  struct Binding {
    Process* process;
    const Function* function;
    Dialect dialect;
  };
  static constexpr std::size_t kFunctionCount = 46;

  static bool resolve(void* context, const wasm::Import& import, const wasm::FuncType& type,
                      wasm::HostFunction& out);
  static wasm::HostOutcome enter(void* context, wasm::Instance& caller, std::uint64_t* slots);

  std::array<Binding, 2 * kFunctionCount> bindings_{};
};

}  // namespace quoll::wasi
