// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Fields of the supervisor's control and status registers (privileged specification,
// chapter "Supervisor-Level ISA"). Values only: reading and writing them is arch code.
#pragma once

#include <cstdint>

namespace quoll::riscv {

/// sstatus.
namespace sstatus {
inline constexpr std::uint64_t kSie = 1U << 1;   ///< interrupts enabled in S-mode
inline constexpr std::uint64_t kSpie = 1U << 5;  ///< SIE before the trap
inline constexpr std::uint64_t kSpp = 1U << 8;   ///< the trap came from S-mode
inline constexpr unsigned kVsShift = 9;
inline constexpr std::uint64_t kVsMask = std::uint64_t{3} << kVsShift;
inline constexpr unsigned kFsShift = 13;
inline constexpr std::uint64_t kFsMask = std::uint64_t{3} << kFsShift;
inline constexpr std::uint64_t kSum = std::uint64_t{1} << 18;  ///< S-mode may touch user pages
inline constexpr std::uint64_t kMxr = std::uint64_t{1} << 19;  ///< executable pages may be read
inline constexpr unsigned kUxlShift = 32;
inline constexpr std::uint64_t kUxlMask = std::uint64_t{3} << kUxlShift;
inline constexpr std::uint64_t kUxl64 = std::uint64_t{2} << kUxlShift;
inline constexpr std::uint64_t kSd = std::uint64_t{1} << 63;
}  // namespace sstatus

/// State of an extension unit, as sstatus.FS and sstatus.VS tell it.
enum class UnitState : std::uint8_t { kOff = 0, kInitial = 1, kClean = 2, kDirty = 3 };

constexpr UnitState float_state(std::uint64_t status) noexcept {
  return static_cast<UnitState>((status & sstatus::kFsMask) >> sstatus::kFsShift);
}
constexpr std::uint64_t with_float_state(std::uint64_t status, UnitState state) noexcept {
  return (status & ~sstatus::kFsMask) | (static_cast<std::uint64_t>(state) << sstatus::kFsShift);
}

/// sie and sip.
namespace interrupt_bit {
inline constexpr std::uint64_t kSoftware = 1U << 1;
inline constexpr std::uint64_t kTimer = 1U << 5;
inline constexpr std::uint64_t kExternal = 1U << 9;
}  // namespace interrupt_bit

/// scounteren.
namespace counter_enable {
inline constexpr std::uint64_t kCycle = 1U << 0;
inline constexpr std::uint64_t kTime = 1U << 1;
inline constexpr std::uint64_t kInstret = 1U << 2;
}  // namespace counter_enable

/// stvec.
enum class TrapVectorMode : std::uint8_t { kDirect = 0, kVectored = 1 };
constexpr std::uint64_t encode_stvec(std::uint64_t base, TrapVectorMode mode) noexcept {
  return (base & ~std::uint64_t{3}) | static_cast<std::uint64_t>(mode);
}

/// CSR numbers that this system uses.
enum class Csr : std::uint16_t {
  kSstatus = 0x100,
  kSie = 0x104,
  kStvec = 0x105,
  kScounteren = 0x106,
  kSenvcfg = 0x10a,
  kSscratch = 0x140,
  kSepc = 0x141,
  kScause = 0x142,
  kStval = 0x143,
  kSip = 0x144,
  kStimecmp = 0x14d,
  kSatp = 0x180,
  kCycle = 0xc00,
  kTime = 0xc01,
  kInstret = 0xc02,
};

}  // namespace quoll::riscv
