// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reading and writing control and status registers.
#pragma once

#include <cstdint>

#include <quoll/riscv/csr.hpp>

namespace quoll::arch {

template <riscv::Csr C>
inline std::uint64_t read_csr() noexcept {
  std::uint64_t value = 0;
  asm volatile("csrr %0, %1" : "=r"(value) : "i"(static_cast<unsigned>(C)) : "memory");
  return value;
}
template <riscv::Csr C>
inline void write_csr(std::uint64_t value) noexcept {
  asm volatile("csrw %0, %1" : : "i"(static_cast<unsigned>(C)), "rK"(value) : "memory");
}
template <riscv::Csr C>
inline void set_csr_bits(std::uint64_t bits) noexcept {
  asm volatile("csrs %0, %1" : : "i"(static_cast<unsigned>(C)), "rK"(bits) : "memory");
}
template <riscv::Csr C>
inline void clear_csr_bits(std::uint64_t bits) noexcept {
  asm volatile("csrc %0, %1" : : "i"(static_cast<unsigned>(C)), "rK"(bits) : "memory");
}
/// The register's value before the bits were cleared.
template <riscv::Csr C>
inline std::uint64_t read_and_clear_csr_bits(std::uint64_t bits) noexcept {
  std::uint64_t value = 0;
  asm volatile("csrrc %0, %1, %2"
               : "=r"(value)
               : "i"(static_cast<unsigned>(C)), "rK"(bits)
               : "memory");
  return value;
}

}  // namespace quoll::arch
