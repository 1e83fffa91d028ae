// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Interrupts of this hart: on, off, waited for; and who this hart is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/arch/csr_access.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch {

/// Satisfies `sync::InterruptControl`.
struct Interrupts {
  /// Whether interrupts were on: the bit of `sstatus`, so that to restore it takes no branch.
  class State {
   public:
    constexpr State() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): stands for a bool
    constexpr State(bool enabled) : bits_(enabled ? riscv::sstatus::kSie : 0) {}
    // NOLINTNEXTLINE(google-explicit-constructor): stands for a bool
    constexpr operator bool() const noexcept { return bits_ != 0; }

   private:
    friend struct Interrupts;
    std::uint64_t bits_ = 0;
  };
  static State save_and_disable() noexcept {
    State before;
    before.bits_ =
        read_and_clear_csr_bits<riscv::Csr::kSstatus>(riscv::sstatus::kSie) & riscv::sstatus::kSie;
    return before;
  }
  static void restore(State before) noexcept { set_csr_bits<riscv::Csr::kSstatus>(before.bits_); }
  static void enable() noexcept { set_csr_bits<riscv::Csr::kSstatus>(riscv::sstatus::kSie); }
  static void disable() noexcept { clear_csr_bits<riscv::Csr::kSstatus>(riscv::sstatus::kSie); }
  /// Encoded `pause`; a no-op where Zihintpause is unknown.
  static void relax() noexcept { asm volatile(".4byte 0x0100000f" : : : "memory"); }

  /// Which sources may interrupt at all.
  static void enable_sources(std::uint64_t bits) noexcept { set_csr_bits<riscv::Csr::kSie>(bits); }
  static void disable_sources(std::uint64_t bits) noexcept {
    clear_csr_bits<riscv::Csr::kSie>(bits);
  }
  static void acknowledge_software() noexcept {
    clear_csr_bits<riscv::Csr::kSip>(riscv::interrupt_bit::kSoftware);
  }
  /// Makes this hart's own software interrupt pending.
  static void raise_software() noexcept {
    set_csr_bits<riscv::Csr::kSip>(riscv::interrupt_bit::kSoftware);
  }
  /// The enabled sources that are pending.
  static std::uint64_t pending() noexcept {
    return read_csr<riscv::Csr::kSip>() & read_csr<riscv::Csr::kSie>();
  }
  /// Sleeps until an enabled source is pending. *Requires*: interrupts are off, so that what was
  /// looked at before still holds; the interrupt is taken when they go on again.
  static void wait() noexcept { asm volatile("wfi" : : : "memory"); }
};

/// Satisfies `HartIdentity`.
struct Harts {
  static unsigned id() noexcept {
    std::uint64_t id = 0;
    // SAFETY: as `hart_local`, in one instruction: this is asked at every allocation.
    asm volatile("lwu %0, %1(tp)" : "=r"(id) : "i"(offsetof(HartLocal, id)));
    __builtin_assume(id < sync::kMaxHarts);
    return static_cast<unsigned>(id);
  }
  /// What of `all`, an element for each hart, belongs to the hart that runs this. Elements of
  /// this size are found without a shift, which tells where two dozen instructions are all there
  /// is.
  static constexpr std::size_t kOwnSize = 512;
  template <typename T>
  [[gnu::always_inline]] static T& own(std::array<T, sync::kMaxHarts>& all) noexcept {
    if constexpr (sizeof(T) == kOwnSize) {
      std::uint64_t offset = 0;
      // SAFETY: as `hart_local`; the offset is that of an element.
      asm volatile("ld %0, %1(tp)" : "=r"(offset) : "i"(offsetof(HartLocal, own_offset)));
      return *static_cast<T*>(
          static_cast<void*>(static_cast<std::byte*>(static_cast<void*>(all.data())) + offset));
    } else {
      return all[id()];
    }
  }
  static unsigned count() noexcept;
  /// The id that firmware and interrupt controller know.
  static std::uint64_t hardware_id(unsigned hart) noexcept;
  /// Told once, at boot, for each hart in turn. *Requires*: `hart` below `sync::kMaxHarts`.
  static void add(unsigned hart, std::uint64_t hardware_id) noexcept;
};

}  // namespace quoll::arch
