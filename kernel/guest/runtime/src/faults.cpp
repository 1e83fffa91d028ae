// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>

#include <quoll/runtime/faults.hpp>
#include <quoll/runtime/system_call.hpp>
#include <quoll/wasi/message.hpp>

namespace quoll::runtime {
namespace {

constinit const FaultContext* watched = nullptr;

constexpr std::size_t kUpcallStackBytes = 8192;
alignas(16) constinit std::array<std::byte, kUpcallStackBytes> upcall_stack{};

[[noreturn]] void end_as_trap(std::string_view what, std::uint64_t address) {
  wasi::Message message;
  message.text("quoll: ").name(watched->module_name).text(": trap: ").text(what);
  message.text(" at address ").hexadecimal(address);
  // The guest ends here: whether anybody reads this makes no difference.
  static_cast<void>(stream_write(watched->errors, message.line()));
  exit(abi::EndKind::kTrapped, 0);
}

/// Entered by the kernel, on the upcall stack.
[[noreturn]] void on_fault(const abi::FaultFrame* frame) {
  if (frame->kind == abi::FaultKind::kOutOfMemory) end_as_trap("out of memory", frame->address);
  const bool access = frame->kind == abi::FaultKind::kLoad || frame->kind == abi::FaultKind::kStore;
  if (access && watched->memories.contains(frame->address)) {
    end_as_trap("out of bounds memory access", frame->address);
  }
  // Our own mistake. Without a handler the same instruction faults again, and the kernel says
  // where; were it to refuse, this call would be the place that it names.
  static_cast<void>(fault_upcall(0, 0));
  static_cast<void>(fault_return(*frame));
  __builtin_trap();
}

}  // namespace

void watch_faults(const FaultContext& context) {
  watched = &context;
  // Without an upcall faults are the kernel's to report: less precise, no less safe.
  // SAFETY: the handler's address crosses the boundary as a number.
  static_cast<void>(fault_upcall(reinterpret_cast<std::uint64_t>(&on_fault),
                                 detail::address(upcall_stack.data() + upcall_stack.size())));
}

}  // namespace quoll::runtime
