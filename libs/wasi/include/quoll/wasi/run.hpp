// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From a module's bytes to the end of the program: what every embedder of a command does.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/abi/types.hpp>
#include <quoll/wasi/host.hpp>
#include <quoll/wasi/process.hpp>
#include <quoll/wasm/engine.hpp>
#include <quoll/wasm/execution.hpp>

namespace quoll::wasi {

/// A program to run. Everything that it refers to outlives the run.
struct RunSpec {
  Host& host;
  const wasm::EngineConfig& engine;
  const ProcessSpec& process;
  std::span<const std::uint8_t> module;
  std::string_view name;  ///< of the module, for messages
  abi::Backtrace backtrace = abi::Backtrace::kShort;
  /// Is told where the program's thread is, for as long as there is one; may be null.
  wasm::Execution** running = nullptr;
};

/// How a program ended.
struct End {
  abi::EndKind kind;
  std::uint64_t status;
};

/// Decodes, links, instantiates, and calls `_start` if the module exports it. What goes wrong is
/// said in one line on the program's standard error; the end's kind says the same in brief.
End run(const RunSpec& spec);

}  // namespace quoll::wasi
