// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Services: what all guests share, set up once at boot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <quoll/abi/types.hpp>
#include <quoll/archive/archive.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/guest/clock_scale.hpp>
#include <quoll/kernel/guest/runtime_image.hpp>
#include <quoll/kernel/mem/placement_dice.hpp>
#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/kernel/mem/vmo/page_provider.hpp>

namespace quoll::guest {

/// The functions of the machine under the guests. Tests give their own.
struct Machine {
  /// The time counter.
  std::uint64_t (*now)() noexcept = nullptr;
  /// Fills with cryptographically secure bytes.
  void (*random)(std::span<std::byte> out) noexcept = nullptr;
  /// Ends user mode on that hart. It may have left it already.
  void (*kick)(unsigned hart) noexcept = nullptr;
  /// Where the pages of a file of the archive come from; null: they are where they are.
  base::Result<vm::PageProviderRef, vm::SpaceError> (*pages_of)(mem::PhysicalRange content) =
      nullptr;
};

/// Lives as long as the machine; nothing in it changes after boot.
class Services {
 public:
  struct Parts {
    Machine machine;
    const archive::Archive* archive = nullptr;
    const RuntimeImage* runtime = nullptr;
    ClockScale clock{1, 0};
    std::uint64_t realtime_offset_ns = 0;  ///< 0: no clock is known
    vm::VmoRef time_page;
    std::uint64_t features = 0;  ///< bits of abi::features
    abi::Backtrace backtrace = abi::Backtrace::kShort;
    device::StandardStreams streams;
    bool streams_are_terminals = false;
    bool random_placement = true;  ///< of what guests map
  };
  explicit Services(Parts parts) : parts_(std::move(parts)) {}

  const archive::Archive& archive() const noexcept { return *parts_.archive; }
  const RuntimeImage& runtime() const noexcept { return *parts_.runtime; }
  const ClockScale& clock() const noexcept { return parts_.clock; }
  const device::StandardStreams& streams() const noexcept { return parts_.streams; }
  const vm::VmoRef& time_page() const noexcept { return parts_.time_page; }
  std::uint64_t features() const noexcept { return parts_.features; }
  /// What guests' runtimes print when their program traps.
  abi::Backtrace backtrace() const noexcept { return parts_.backtrace; }

  /// A line of the kernel's log, under the guest's name.
  void log_for_guest(std::string_view guest, std::string_view text) const noexcept;

  std::uint64_t now() const noexcept { return parts_.machine.now(); }
  std::uint64_t monotonic_ns() const noexcept { return parts_.clock.to_nanoseconds(now()); }
  std::uint64_t realtime_offset_ns() const noexcept { return parts_.realtime_offset_ns; }
  void random(std::span<std::byte> out) const noexcept { parts_.machine.random(out); }
  void kick(unsigned hart) const noexcept { parts_.machine.kick(hart); }
  base::Result<vm::PageProviderRef, vm::SpaceError> pages_of(mem::PhysicalRange content) const;
  /// What a new guest's mappings go by.
  std::optional<vm::PlacementSeed> placement_seed() const noexcept;

  /// The object number of a stream: 1 to 3 for the standard ones, 4 for any other.
  std::uint64_t stream_id(const device::ByteStream& stream) const noexcept;
  bool is_terminal(const device::ByteStream& stream) const noexcept;

 private:
  Parts parts_;
};

/// *Requires*: `set_services` was called.
const Services& services() noexcept;
/// Called once at boot, before the first guest; by tests, between guests.
void set_services(const Services* services) noexcept;

}  // namespace quoll::guest
