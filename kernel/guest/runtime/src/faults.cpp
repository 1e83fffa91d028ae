// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>

#include <quoll/abi/limits.hpp>
#include <quoll/runtime/faults.hpp>
#include <quoll/runtime/system_call.hpp>

namespace quoll::runtime {
namespace {

constinit FaultContext* watched = nullptr;

// Pages of its own, written before they are needed: the fault may be that there are no more.
constexpr std::size_t kUpcallStackBytes = 8192;
alignas(abi::kPageSize) constinit std::array<std::byte, kUpcallStackBytes> upcall_stack{};

constexpr std::size_t kRegA0 = 10;

[[noreturn]] void end_as_trap(wasm::TrapKind kind, const abi::FaultFrame& frame) {
  const wasm::Interruption at{.pc = frame.pc, .cell = frame.registers[kRegA0]};
  watched->reporter.fault(kind, frame.address, at, watched->thread);
  exit(abi::EndKind::kTrapped, static_cast<std::uint64_t>(kind));
}

/// Entered by the kernel, on the upcall stack.
[[noreturn]] void on_fault(const abi::FaultFrame* frame) {
  if (frame->kind == abi::FaultKind::kOutOfMemory) {
    end_as_trap(wasm::TrapKind::kOutOfMemory, *frame);
  }
  const bool access = frame->kind == abi::FaultKind::kLoad || frame->kind == abi::FaultKind::kStore;
  if (access && watched->memories.contains(frame->address)) {
    end_as_trap(wasm::TrapKind::kOutOfBoundsMemoryAccess, *frame);
  }
  // Our own mistake. Without a handler the same instruction faults again, and the kernel says
  // where; were it to refuse, this call would be the place that it names.
  static_cast<void>(fault_upcall(0, 0));
  static_cast<void>(fault_return(*frame));
  __builtin_trap();
}

}  // namespace

void watch_faults(FaultContext& context) {
  watched = &context;
  for (std::size_t at = 0; at < upcall_stack.size(); at += abi::kPageSize) {
    // SAFETY: memory of our own; the write is for its side effect, a page.
    *static_cast<volatile std::byte*>(&upcall_stack[at]) = std::byte{0};
  }
  // Without an upcall faults are the kernel's to report: less precise, no less safe.
  // SAFETY: the handler's address crosses the boundary as a number.
  static_cast<void>(fault_upcall(reinterpret_cast<std::uint64_t>(&on_fault),
                                 detail::address(upcall_stack.data() + upcall_stack.size())));
}

}  // namespace quoll::runtime
