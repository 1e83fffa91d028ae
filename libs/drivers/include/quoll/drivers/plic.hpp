// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The platform-level interrupt controller (RISC-V PLIC specification 1.0).
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/drivers/mmio.hpp>

namespace quoll::drivers {

/// A source is masked by giving it priority 0, which holds for every context at once and may be
/// done from any hart. *Locking*: the caller's; priorities, `claim` and
/// `complete` need none.
template <Mmio M>
class Plic {
 public:
  static constexpr std::uint32_t kMaxSources = 1024;

  Plic(M window, std::uint32_t sources) noexcept
      : window_(window), sources_(sources < kMaxSources ? sources : kMaxSources - 1) {}

  /// Sources are 1 to this.
  std::uint32_t sources() const noexcept { return sources_; }
  bool is_source(std::uint32_t source) const noexcept { return source != 0 && source <= sources_; }

  /// Masks all sources.
  void reset() noexcept {
    for (std::uint32_t source = 1; source <= sources_; ++source) mask(source);
  }
  /// Routes nothing to a context, and lets it take any priority that is routed later.
  void reset_context(std::uint32_t context) noexcept {
    for (std::uint32_t word = 0; word <= sources_ / 32; ++word) {
      window_.write32(enable_offset(context) + std::size_t{word} * 4, 0);
    }
    set_threshold(context, 0);
  }
  /// *Requires*: `is_source(source)`; likewise below.
  void route(std::uint32_t source, std::uint32_t context) noexcept {
    const std::size_t offset = enable_offset(context) + std::size_t{source} / 32 * 4;
    window_.write32(offset, window_.read32(offset) | (std::uint32_t{1} << (source % 32)));
  }
  void unroute(std::uint32_t source, std::uint32_t context) noexcept {
    const std::size_t offset = enable_offset(context) + std::size_t{source} / 32 * 4;
    window_.write32(offset, window_.read32(offset) & ~(std::uint32_t{1} << (source % 32)));
  }
  void mask(std::uint32_t source) noexcept { set_priority(source, 0); }
  /// Of several that are pending a context is given the one with the highest priority.
  void set_priority(std::uint32_t source, std::uint32_t priority) noexcept {
    window_.write32(std::size_t{source} * 4, priority);
  }
  /// As the controller keeps it, which may have fewer bits. Comes after all that was written.
  std::uint32_t priority(std::uint32_t source) const noexcept {
    return window_.read32(std::size_t{source} * 4);
  }
  /// A context is given priorities above this only.
  void set_threshold(std::uint32_t context, std::uint32_t priority) noexcept {
    window_.write32(context_offset(context), priority);
  }

  /// The source to be served next, or 0.
  std::uint32_t claim(std::uint32_t context) noexcept {
    return window_.read32(context_offset(context) + 4);
  }
  void complete(std::uint32_t context, std::uint32_t source) noexcept {
    window_.write32(context_offset(context) + 4, source);
  }

 private:
  static constexpr std::size_t enable_offset(std::uint32_t context) noexcept {
    return 0x2000 + std::size_t{context} * 0x80;
  }
  static constexpr std::size_t context_offset(std::uint32_t context) noexcept {
    return 0x20'0000 + std::size_t{context} * 0x1000;
  }

  // A window is a handle: reading changes nothing of it.
  mutable M window_;
  std::uint32_t sources_;
};

}  // namespace quoll::drivers
