// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "sbi.hpp"

#include <bit>
#include <type_traits>

namespace quoll::loader::sbi {
namespace {

using riscv::sbi::Extension;

template <typename Function>
Answer call(Extension extension, Function function, std::uint64_t arg0 = 0, std::uint64_t arg1 = 0,
            std::uint64_t arg2 = 0) noexcept {
  register std::uint64_t a0 asm("a0") = arg0;
  register std::uint64_t a1 asm("a1") = arg1;
  register std::uint64_t a2 asm("a2") = arg2;
  register std::uint64_t a6 asm("a6") = static_cast<std::uint64_t>(function);
  register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(extension);
  // SAFETY: the SBI preserves everything but a0 and a1.
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return {static_cast<Error>(a0), a1};
}

bool has_debug_console() noexcept {
  const Answer answer = call(Extension::kBase, riscv::sbi::BaseFunction::kProbeExtension,
                             static_cast<std::uint64_t>(Extension::kDebugConsole));
  return answer.error == Error::kSuccess && answer.value != 0;
}

}  // namespace

void put(const char* text, std::size_t size) noexcept {
  if (has_debug_console()) {
    while (size > 0) {
      const Answer answer = call(Extension::kDebugConsole, riscv::sbi::DebugConsoleFunction::kWrite,
                                 size, std::bit_cast<std::uint64_t>(text));
      if (answer.error != Error::kSuccess || answer.value > size) break;
      text += answer.value;
      size -= answer.value;
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    static_cast<void>(
        call(Extension::kLegacyConsolePutchar, 0, static_cast<unsigned char>(text[i])));
  }
}

Answer hart_status(std::uint64_t hart_id) noexcept {
  return call(Extension::kHartState, riscv::sbi::HartStateFunction::kStatus, hart_id);
}

Answer hart_start(std::uint64_t hart_id, std::uint64_t address, std::uint64_t opaque) noexcept {
  return call(Extension::kHartState, riscv::sbi::HartStateFunction::kStart, hart_id, address,
              opaque);
}

Answer send_ipi(std::uint64_t hart_id) noexcept {
  return call(Extension::kIpi, riscv::sbi::IpiFunction::kSend, 1, hart_id);
}

void shut_down_after_failure() noexcept {
  static_cast<void>(call(Extension::kSystemReset, riscv::sbi::SystemResetFunction::kReset,
                         static_cast<std::uint64_t>(riscv::sbi::ResetType::kShutdown),
                         static_cast<std::uint64_t>(riscv::sbi::ResetReason::kSystemFailure)));
}

}  // namespace quoll::loader::sbi
