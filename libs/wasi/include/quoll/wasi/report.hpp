// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reporter: what is said about a program on its standard error.
#pragma once

#include <cstdint>
#include <string_view>

#include <quoll/abi/types.hpp>
#include <quoll/wasi/host.hpp>
#include <quoll/wasi/message.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/trap.hpp>

namespace quoll::wasi {

/// Says what happened to one program. Nothing is allocated, so that a fault handler can use it;
/// what nobody listens to is dropped.
class Reporter {
 public:
  Reporter(Host& host, abi::Handle errors, std::string_view name, abi::Backtrace backtrace)
      : host_(host), name_(name), errors_(errors), backtrace_(backtrace) {}

  /// A line that begins with the program's name.
  Message begin() const;
  void say(Message& message) const;
  void say(std::string_view words) const;

  /// The reason of a trap, where it was, and, if there was a thread, what had been called.
  void trap(const wasm::WasmTrap& trap, const wasm::Module& module,
            const wasm::Execution* thread) const;
  /// A trap that a fault of the machine at `address` stands for. `thread` is null when the program
  /// had not begun to run. *Context*: a fault handler; the program does not go on.
  void fault(wasm::TrapKind kind, std::uint64_t address, const wasm::Interruption& at,
             wasm::Execution* thread) const;

 private:
  void backtrace(const wasm::Execution& thread) const;

  Host& host_;
  std::string_view name_;
  abi::Handle errors_;
  abi::Backtrace backtrace_;
};

}  // namespace quoll::wasi
