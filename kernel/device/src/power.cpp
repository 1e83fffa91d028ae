// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>

#include <quoll/arch/mmio.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/drivers/test_device.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>

namespace quoll::device {
namespace {

constinit std::atomic<volatile void*> test_device{nullptr};

constinit std::atomic<void (*)()> last_words{nullptr};

}  // namespace

void set_test_device(volatile void* registers) noexcept {
  test_device.store(registers, std::memory_order_release);
}

void set_last_words(void (*say)()) noexcept {
  last_words.store(say, std::memory_order_release);
}

void power_off(std::uint8_t status) noexcept {
  if (auto* const say = last_words.exchange(nullptr); say != nullptr && !panic::in_progress())
    say();
  tracing::finish();
  if (volatile void* const registers = test_device.load(std::memory_order_acquire)) {
    arch::MmioWindow(registers).write32(0, drivers::test_device::command_for(status));
  }
  using riscv::sbi::ResetReason;
  arch::sbi::system_reset(riscv::sbi::ResetType::kShutdown,
                          status == 0 ? ResetReason::kNone : ResetReason::kSystemFailure);
  panic::halt_hart();
}

}  // namespace quoll::device
