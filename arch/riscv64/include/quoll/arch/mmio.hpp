// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Device registers: single accesses, ordered against each other and against memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quoll::arch {

/// Satisfies `drivers::Mmio`.
class MmioWindow {
 public:
  MmioWindow() = default;
  explicit MmioWindow(volatile void* base) noexcept
      : base_(static_cast<volatile std::byte*>(base)) {}

  std::uint8_t read8(std::size_t offset) const noexcept { return read<std::uint8_t>(offset); }
  std::uint32_t read32(std::size_t offset) const noexcept { return read<std::uint32_t>(offset); }
  void write8(std::size_t offset, std::uint8_t value) const noexcept { write(offset, value); }
  void write32(std::size_t offset, std::uint32_t value) const noexcept { write(offset, value); }

 private:
  template <typename T>
  T read(std::size_t offset) const noexcept {
    // SAFETY: a register inside the window that its driver was given.
    const T value = *reinterpret_cast<volatile T*>(base_ + offset);
    // Whatever comes next comes after it: a lock that is let go behind it, too.
    asm volatile("fence i, irw" : : : "memory");
    return value;
  }
  template <typename T>
  void write(std::size_t offset, T value) const noexcept {
    asm volatile("fence w, o" : : : "memory");
    // SAFETY: a register inside the window that its driver was given.
    *reinterpret_cast<volatile T*>(base_ + offset) = value;
  }

  volatile std::byte* base_ = nullptr;
};

}  // namespace quoll::arch
