// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// An interrupt controller by the specification alone: gateways that forward one request at a time
// until it is completed, priorities, enables and thresholds. A completion by a context for which
// the source is not enabled is ignored. Any thread may use it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace quoll::irq {

class PlicModel {
 public:
  static constexpr std::uint32_t kSources = 40;
  static constexpr std::uint32_t kContexts = 8;

  /// An edge. One that comes while another is not completed is kept, a third is lost.
  void raise(std::uint32_t source) {
    const std::lock_guard guard(mutex_);
    sources_[source].is_latched = true;
    forward(sources_[source]);
  }
  void set_level(std::uint32_t source, bool is_up) {
    const std::lock_guard guard(mutex_);
    sources_[source].is_up = is_up;
    forward(sources_[source]);
  }
  /// Whether the context's hart is interrupted.
  bool interrupts(std::uint32_t context) {
    const std::lock_guard guard(mutex_);
    return best(context) != 0;
  }
  std::uint32_t priority(std::uint32_t source) {
    const std::lock_guard guard(mutex_);
    return sources_[source].priority;
  }
  bool is_enabled(std::uint32_t source, std::uint32_t context) {
    const std::lock_guard guard(mutex_);
    return is_enabled_locked(source, context);
  }
  /// As if somebody had done so behind the kernel's back.
  void enable(std::uint32_t source, std::uint32_t context) {
    const std::lock_guard guard(mutex_);
    enables_[context][source / 32] |= std::uint32_t{1} << (source % 32);
    sources_[source].priority = 1;
  }

  std::uint32_t read(std::size_t offset) {
    const std::lock_guard guard(mutex_);
    if (offset < kEnables) return sources_[offset / 4].priority;
    if (offset < kThresholds) return *enable_word(offset);
    const std::uint32_t context = context_of(offset);
    if (offset % 0x1000 == 0) return thresholds_[context];
    const std::uint32_t claimed = best(context);
    if (claimed != 0) sources_[claimed].is_pending = false;
    return claimed;
  }
  void write(std::size_t offset, std::uint32_t value) {
    const std::lock_guard guard(mutex_);
    if (offset < kEnables) {
      sources_[offset / 4].priority = value & 7;
    } else if (offset < kThresholds) {
      *enable_word(offset) = value;
    } else if (offset % 0x1000 == 0) {
      thresholds_[context_of(offset)] = value;
    } else if (is_enabled_locked(value, context_of(offset))) {
      sources_[value].is_busy = false;
      forward(sources_[value]);
    }
  }

 private:
  static constexpr std::size_t kEnables = 0x2000;
  static constexpr std::size_t kThresholds = 0x20'0000;

  struct Source {
    bool is_up = false;
    bool is_latched = false;
    bool is_busy = false;  // forwarded, and not completed
    bool is_pending = false;
    std::uint32_t priority = 0;
  };

  static std::uint32_t context_of(std::size_t offset) {
    return static_cast<std::uint32_t>((offset - kThresholds) / 0x1000);
  }
  std::uint32_t* enable_word(std::size_t offset) {
    const std::size_t word = offset - kEnables;
    return &enables_.at(word / 0x80).at(word % 0x80 / 4);
  }
  bool is_enabled_locked(std::uint32_t source, std::uint32_t context) const {
    return ((enables_[context][source / 32] >> (source % 32)) & 1) != 0;
  }
  static void forward(Source& source) {
    if (source.is_busy || !(source.is_up || source.is_latched)) return;
    source.is_latched = false;
    source.is_busy = true;
    source.is_pending = true;
  }
  std::uint32_t best(std::uint32_t context) const {
    std::uint32_t found = 0;
    std::uint32_t priority = thresholds_[context];
    for (std::uint32_t i = 1; i <= kSources; ++i) {
      const Source& source = sources_[i];
      if (!source.is_pending || !is_enabled_locked(i, context)) continue;
      if (source.priority <= priority) continue;
      found = i;
      priority = source.priority;
    }
    return found;
  }

  std::mutex mutex_;
  std::array<Source, kSources + 1> sources_{};
  std::array<std::array<std::uint32_t, 32>, kContexts> enables_{};
  std::array<std::uint32_t, kContexts> thresholds_{};
};

/// Satisfies `drivers::Mmio`.
class ModelWindow {
 public:
  explicit ModelWindow(PlicModel& model) : model_(&model) {}
  std::uint8_t read8(std::size_t offset) { return static_cast<std::uint8_t>(read32(offset)); }
  void write8(std::size_t, std::uint8_t) {}
  std::uint32_t read32(std::size_t offset) { return model_->read(offset); }
  void write32(std::size_t offset, std::uint32_t value) { model_->write(offset, value); }

 private:
  PlicModel* model_;
};

}  // namespace quoll::irq
