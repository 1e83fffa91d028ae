// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spaces on a real MMU: what switching costs, and that ASIDs keep spaces apart.
#include <array>
#include <memory>

#include <quoll/arch/current.hpp>
#include <quoll/arch/trace_local.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/trace.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

/// Some spaces with a page each at the same address, marked with the space's number.
class Marked {
 public:
  static constexpr unsigned kSpaces = 3;
  static constexpr mem::VirtualAddress kAt{0x20'0000};

  Marked() {
    for (unsigned i = 0; i < kSpaces; ++i) {
      auto made = AddressSpace::create(kernel_space());
      if (!made) return;
      spaces_[i] = std::move(*made);
      const auto range =
          spaces_[i]->map_anonymous(Placement::at(kAt), kPageSize, mem::Permissions::read_write());
      if (!range || !copy_to_user(*spaces_[i], kAt, &i, sizeof i)) return;
    }
    is_ready_ = true;
  }
  Marked(const Marked&) = delete;
  Marked& operator=(const Marked&) = delete;
  ~Marked() { kernel_space().activate(); }

  bool is_ready() const { return is_ready_; }
  AddressSpace& operator[](unsigned i) { return *spaces_[i]; }
  /// What the active space has there, by whatever the hart remembers.
  static unsigned mark() {
    unsigned found = ~0U;
    return arch::UserMemory::copy_in(&found, kAt, sizeof found) == sizeof found ? found : ~0U;
  }

 private:
  std::array<std::unique_ptr<AddressSpace>, kSpaces> spaces_;
  bool is_ready_ = false;
};

/// How many fences this hart recorded while `work` ran, uninterrupted.
template <typename Work>
std::uint64_t fences_of(Work&& work) {
  const auto before = tracing::recorded_groups();
  const bool interrupts = arch::Interrupts::save_and_disable();
  tracing::record_groups(trace::kAllGroups);
  const trace::Ring& ring = arch::trace_local().ring;
  const std::uint64_t from = ring.written();
  work();
  const std::uint64_t to = ring.written();
  tracing::record_groups(before);
  arch::Interrupts::restore(interrupts);
  std::uint64_t fences = 0;
  for (std::uint64_t i = from; i < to; ++i) {
    const auto record = ring.read(i);
    if (record && record->event == trace::Event::kFence) ++fences;
  }
  return fences;
}

KTEST(VmSpace, SwitchingBetweenSpacesFencesNothingWhenThereAreAsids) {
  constexpr unsigned kSwitches = 300;
  Marked spaces;
  ASSERT_TRUE(spaces.is_ready());
  unsigned wrong = 0;
  const std::uint64_t fences = fences_of([&] {
    // Each was active on this hart, or becomes so at most once for the first time.
    for (unsigned i = 0; i < kSwitches; ++i) {
      spaces[i % Marked::kSpaces].activate();
      if (Marked::mark() != i % Marked::kSpaces) ++wrong;
      if (i % 10 == 0) kernel_space().activate();
    }
  });
  EXPECT_EQ(wrong, 0U);
  if (kernel_space().asids().capacity() >= sync::kMaxHarts) {
    EXPECT_LE(fences, std::uint64_t{Marked::kSpaces});
  } else {
    EXPECT_GE(fences, std::uint64_t{kSwitches});
  }
}

KTEST(VmSpace, AHartThatComesBackFindsNothingThatWasTakenAway) {
  Marked spaces;
  ASSERT_TRUE(spaces.is_ready());
  spaces[0].activate();
  EXPECT_EQ(Marked::mark(), 0U);
  spaces[1].activate();
  EXPECT_TRUE(spaces[0].unmap(mem::VirtualRange(Marked::kAt, kPageSize)).has_value());
  EXPECT_EQ(Marked::mark(), 1U);
  spaces[0].activate();
  EXPECT_EQ(Marked::mark(), ~0U);
  spaces[1].activate();
  EXPECT_EQ(Marked::mark(), 1U);
}

KTEST(VmSpace, QemuHasSixteenBitsOfAsid) {
  EXPECT_EQ(kernel_space().asids().bits(), 16U);
}

}  // namespace
}  // namespace quoll::vm
