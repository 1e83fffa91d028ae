// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the console still has to be told. A device takes its bytes slowly, and nobody is to keep
// interrupts off for so long: texts are put here whole, which is quick, and brought to the device
// byte by byte, with interrupts on.
//
// Protocol. Who appends has the console's lock, and then brings out what there is, unless somebody
// does so already: one at a time is the *printer*. A printer that has found nothing more stops
// being it, and looks once more; who has appended and finds a printer leaves it to that. Between
// the two steps of either is a sequentially consistent fence, so that one of the two sees the
// other.
//
// A printer may be interrupted by a handler that appends on the same hart; its text goes out when
// the handler has returned. If there is no room then, the handler brings out what is there, and so
// does the watchdog: so from the look at the next byte until the device has it nothing
// interrupts (`Hold`), or it would come behind what the handler brings out. The device is waited
// for with interrupts on: a byte that it has no room for stays the next.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quoll::tracing {

class ConsoleQueue {
 public:
  static constexpr std::size_t kSize = 4096;
  /// Longer texts are appended in several parts.
  static constexpr std::size_t kMostAtOnce = 288;

  /// False when there is no room. *Requires*: the console's lock; no more than `kMostAtOnce`.
  bool append(std::string_view text) noexcept {
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    if (text.size() > kSize - (end - printed_.load(std::memory_order_acquire))) return false;
    const std::size_t at = end % kSize;
    const std::size_t first = std::min(text.size(), kSize - at);
    std::memcpy(&bytes_[at], text.data(), first);
    std::memcpy(bytes_.data(), text.data() + first, text.size() - first);
    end_.store(end + text.size(), std::memory_order_release);
    return true;
  }

  bool empty() const noexcept {
    return printed_.load(std::memory_order_relaxed) == end_.load(std::memory_order_relaxed);
  }
  /// Whether this hart is the printer: then the caller has interrupted it.
  bool is_printer(unsigned hart) const noexcept {
    return printer_.load(std::memory_order_relaxed) == hart + 1;
  }

  /// How often a device is asked whether it has room for a byte, before the byte is dropped: one
  /// that is stuck loses its bytes, but does not stop the machine.
  static constexpr unsigned kPatience = 100'000;

  /// Brings out what there is, unless somebody does. `put(byte)` says whether the device had room;
  /// a `Hold` keeps interrupts off while it is there. *Context*: any.
  template <typename Hold, typename Put>
  void print(unsigned hart, Put put) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    do {
      std::uint32_t nobody = 0;
      if (!printer_.compare_exchange_strong(nobody, hart + 1, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
        return;
      }
      bring_out<Hold>(put);
      printer_.store(0, std::memory_order_release);
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } while (!empty());
  }
  /// The same without asking who prints: for a handler that has interrupted the printer, and for a
  /// machine whose other harts stand still.
  template <typename Hold, typename Put>
  void bring_out(Put put) noexcept {
    for (unsigned tries = 0; !empty(); ++tries) {
      [[maybe_unused]] const Hold hold;
      // A handler may have been faster.
      const std::uint64_t next = printed_.load(std::memory_order_relaxed);
      if (next == end_.load(std::memory_order_acquire)) return;
      if (!put(bytes_[next % kSize]) && tries < kPatience) continue;
      printed_.store(next + 1, std::memory_order_release);
      tries = 0;
    }
  }

 private:
  std::array<char, kSize> bytes_{};
  std::atomic<std::uint64_t> end_{0};      ///< bytes ever appended
  std::atomic<std::uint64_t> printed_{0};  ///< of these, how many have been brought out
  std::atomic<std::uint32_t> printer_{0};  ///< its number plus one
};

}  // namespace quoll::tracing
