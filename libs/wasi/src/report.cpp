// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/wasi/backtrace.hpp>
#include <quoll/wasi/report.hpp>

namespace quoll::wasi {

Message Reporter::begin() const {
  Message message;
  message.text("quoll: ").name(name_).text(": ");
  return message;
}

void Reporter::say(Message& message) const {
  auto rest = message.line();
  while (!rest.empty()) {
    const auto written = host_.stream_write(errors_, rest);
    // Where nobody listens, there is nobody to complain to either.
    if (!written || *written == 0) return;
    rest = rest.subspan(*written);
  }
}

void Reporter::say(std::string_view words) const {
  Message message = begin();
  message.text(words);
  say(message);
}

void Reporter::trap(const wasm::WasmTrap& trap, const wasm::Module& module,
                    const wasm::Execution* thread) const {
  Message message = begin();
  message.text("trap: ").text(wasm::text(trap.kind));
  if (trap.kind == wasm::TrapKind::kUnknownImport) {
    message.text(": ").name(trap.import_module).text(".").name(trap.import_name);
  }
  if (trap.function_index != wasm::WasmTrap::kNoFunction) {
    message.text(" (function ").decimal(trap.function_index);
    const std::string_view name = module.function_name(trap.function_index);
    if (!name.empty()) message.text(" ").name(name);
    message.text(", offset ").hexadecimal(trap.byte_offset).text(")");
  }
  say(message);
  if (thread != nullptr) backtrace(*thread);
}

void Reporter::fault(wasm::TrapKind kind, std::uint64_t address, const wasm::Interruption& at,
                     wasm::Execution* thread) const {
  Message message = begin();
  message.text("trap: ").text(wasm::text(kind)).text(" at address ").hexadecimal(address);
  say(message);
  if (thread == nullptr) return;
  static_cast<void>(thread->trap_at_fault(kind, at));
  backtrace(*thread);
}

void Reporter::backtrace(const wasm::Execution& thread) const {
  BacktraceLines lines(thread.activations(), backtrace_length(backtrace_));
  for (;;) {
    Message line;
    if (!lines.next(line)) return;
    say(line);
  }
}

}  // namespace quoll::wasi
