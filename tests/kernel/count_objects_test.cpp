// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What faults on pages of memory objects cost, and copies of objects. Counted is the space's answer
// to a fault, from `handle_fault` on: in and out of the kernel, and the trace's record, come on top
// for all of them alike. What zeroing or copying a page takes is told apart.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "count_support.hpp"

namespace quoll::vm::counts {
namespace {

using mem::Access;
using mem::kPageSize;

constexpr std::uint64_t kPages = 64;
constexpr std::uint64_t kSize = kPages * kPageSize;
constexpr std::uint64_t kHuge = std::uint64_t{2} << 20;
constexpr auto kMost = mem::Permissions::read_write();

/// The cheapest fault on a page of a range, from the last one down: none follows another upwards.
std::uint64_t least_fault(AddressSpace& space, mem::VirtualRange range, Access access) {
  std::uint64_t best = ~std::uint64_t{0};
  for (std::uint64_t page = range.page_count(); page-- > 0;) {
    const mem::VirtualAddress at = range.start() + page * kPageSize;
    FaultOutcome outcome{};
    best = std::min(best, count([&] { outcome = space.handle_fault(at, access); }));
    EXPECT_TRUE(outcome == FaultOutcome::kResolved);
  }
  return best;
}

/// What each of `kPages` takes of faults from the first one up, each where a page is missing.
std::uint64_t fault_in_order(AddressSpace& space, mem::VirtualRange range, Access access) {
  std::uint64_t all = 0;
  for (std::uint64_t page = 0; page < kPages; ++page) {
    const mem::VirtualAddress at = range.start() + page * kPageSize;
    if (space.vm_space().tables().query(at)) continue;
    FaultOutcome outcome{};
    all += count([&] { outcome = space.handle_fault(at, access); });
    EXPECT_TRUE(outcome == FaultOutcome::kResolved);
  }
  return all / kPages;
}

/// Where an object is mapped, within one page table.
std::optional<mem::VirtualRange> map(AddressSpace& space, const PagedVmoRef& object,
                                     Backing backing) {
  const Placement where = Placement::anywhere(kHuge);
  auto range = backing == Backing::kShared
                   ? space.map_shared(where, VmoRef(object), 0, object->size(), kReadWrite)
                   : space.map_private(where, VmoRef(object), 0, object->size(), kReadWrite);
  if (!range) return std::nullopt;
  return *range;
}

PagedVmoRef make_object(std::uint64_t size, bool is_full, PageProviderRef provider = {}) {
  auto object = PagedVmo::create(frames(), size, kMost, std::move(provider));
  if (!object || (is_full && !(*object)->commit(0, size))) return {};
  return std::move(*object);
}

KTEST(Counts, ObjectFaults) {
  if (!can_count()) return;
  const Fixture user;
  ASSERT_TRUE(user.space != nullptr);
  AddressSpace& space = *user.space;
  space.activate();
  const auto told = [&](const char* name, std::optional<mem::VirtualRange> range, Access access,
                        std::uint64_t apart) {
    ASSERT_TRUE(range.has_value());
    tell(name, least_fault(space, *range, access) - apart);
  };
  const std::uint64_t plain = least([] { (void)frames().allocate(); });
  const std::uint64_t zeroing = least([] { (void)frames().allocate_zeroed(); }) - plain;
  const auto two = frames().allocate_run(2);
  ASSERT_TRUE(two.has_value());
  auto* const bytes = static_cast<std::byte*>(two->data());
  const std::uint64_t copying = least([&] { std::memcpy(bytes, bytes + kPageSize, kPageSize); });
  tell("fault.copying", copying);

  const auto zeros = space.map_anonymous(Placement::anywhere(kHuge), kSize, kReadWrite);
  ASSERT_TRUE(zeros.has_value());
  told("fault.zero_fill", *zeros, Access::kWrite, zeroing);

  const PagedVmoRef full = make_object(kSize, true);
  const PagedVmoRef empty = make_object(kSize, false);
  ASSERT_TRUE(full && empty);
  told("fault.shared", map(space, full, Backing::kShared), Access::kRead, 0);
  told("fault.shared_first", map(space, empty, Backing::kShared), Access::kWrite, zeroing);
  told("fault.copy_on_write", map(space, full, Backing::kPrivate), Access::kWrite, copying);
  const auto seen = map(space, full, Backing::kPrivate);
  ASSERT_TRUE(seen && space.populate(*seen, Access::kRead) == FaultOutcome::kResolved);
  told("fault.copy_on_write_seen", *seen, Access::kWrite, copying);
  const auto copy = full->clone(kMost);
  ASSERT_TRUE(copy.has_value());
  told("fault.copy_on_write_clone", map(space, *copy, Backing::kShared), Access::kWrite, copying);

  const auto archive = frames().allocate_run(kPages);
  ASSERT_TRUE(archive.has_value());
  auto provider = ArchivePages::create(archive->range());
  ASSERT_TRUE(provider.has_value());
  const PagedVmoRef lent = make_object(kSize, false, std::move(*provider));
  ASSERT_TRUE(static_cast<bool>(lent));
  told("fault.archive", map(space, lent, Backing::kShared), Access::kRead, 0);
  const auto in_order = map(space, lent, Backing::kShared);
  ASSERT_TRUE(in_order.has_value());
  tell("fault.sequential_archive", fault_in_order(space, *in_order, Access::kRead));
  told("fault.archive_private", map(space, lent, Backing::kPrivate), Access::kRead, 0);
}

KTEST(Counts, Clones) {
  if (!can_count()) return;
  constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
  const Fixture user;
  ASSERT_TRUE(user.space != nullptr);
  const PagedVmoRef object = make_object(kBytes, true);
  ASSERT_TRUE(static_cast<bool>(object));
  tell("clone_64mib_unmapped", least([&] { (void)object->clone(kMost); }, 5));
  // Each page mapped to be written, so that each is write-protected.
  const auto range = map(*user.space, object, Backing::kShared);
  ASSERT_TRUE(range && user.space->populate(*range, Access::kWrite) == FaultOutcome::kResolved);
  const std::uint64_t mapped = count([&] { (void)object->clone(kMost); });
  tell("clone_64mib", mapped);
  tell("clone_64mib_per_page", mapped / (kBytes / kPageSize));
}

}  // namespace
}  // namespace quoll::vm::counts
