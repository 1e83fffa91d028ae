// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why one hart interrupts another.
#pragma once

#include <cstdint>

namespace quoll::ipi {

enum class Reason : std::uint8_t {
  kWake,        ///< a task waits for a hart that sleeps
  kKick,        ///< user mode is to be left
  kRenewWatch,  ///< the limit of the watchdog has changed
  kTellWhere,   ///< the watchdog asks what the hart is at
  kHalt,        ///< the machine stops
};
inline constexpr unsigned kReasonCount = 5;

/// A set of reasons.
class Reasons {
 public:
  constexpr Reasons() = default;
  constexpr explicit Reasons(std::uint32_t bits) noexcept : bits_(bits) {}
  // NOLINTNEXTLINE(google-explicit-constructor): one is a set too
  constexpr Reasons(Reason reason) noexcept
      : bits_(std::uint32_t{1} << static_cast<unsigned>(reason)) {}

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr bool is_empty() const noexcept { return bits_ == 0; }
  constexpr bool has(Reason reason) const noexcept { return (bits_ & Reasons(reason).bits_) != 0; }
  constexpr Reasons operator|(Reasons other) const noexcept { return Reasons(bits_ | other.bits_); }
  constexpr Reasons without(Reasons other) const noexcept { return Reasons(bits_ & ~other.bits_); }
  constexpr bool operator==(const Reasons&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

/// The commonest of all, for which it is enough that the hart was interrupted.
inline constexpr Reasons kJustWoken = Reason::kWake;

}  // namespace quoll::ipi
