// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Two address spaces on three harts against a map of pages, compared after every step: results,
// what each page holds and allows, usage, frames, and that no hart remembers too much. Some steps
// run while frames or objects are scarce: they succeed, or say so and change nothing.
#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>

#include "failing_new.hpp"
#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

constexpr std::uint64_t kLimit = 48;
constexpr std::uint64_t kVmoPages = 6;
constexpr std::uint64_t kContent = 5 * kPageSize + 0x800;
constexpr std::uint64_t kValueAt = 8;       // where in each page the model keeps its value
constexpr std::uint64_t kBehindAt = 0x900;  // behind the content of the last page of a VMO

struct Page {
  std::uint64_t origin = 0;
  std::uint64_t mapping = 0;
  Permissions permissions;
  Backing backing = Backing::kReserved;
  std::uint64_t vmo_page = 0;
  bool own = false;  // has a frame of its own
  std::uint64_t value = 0;
};

struct Model {
  std::map<std::uint64_t, Page> pages;

  std::uint64_t charged() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) {
      n += page.backing == Backing::kAnonymous || page.backing == Backing::kPrivate ? 1 : 0;
    }
    return n;
  }
  std::uint64_t shared() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) n += page.backing == Backing::kShared ? 1 : 0;
    return n;
  }
  std::uint64_t resident() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) n += page.own ? 1 : 0;
    return n;
  }
  bool covers(std::uint64_t first, std::uint64_t count, bool one_mapping) const {
    for (std::uint64_t p = first; p < first + count; ++p) {
      const auto found = pages.find(p);
      if (found == pages.end()) return false;
      if (one_mapping && found->second.mapping != pages.at(first).mapping) return false;
    }
    return true;
  }
};

class Machinery {
 public:
  Machinery(riscv::PagingMode mode, unsigned seed) : kernel(mode), random(seed) {
    vmo_owner = *Vmo::create(kernel.frames, kVmoPages * kPageSize, Permissions::read_write());
    std::memset(vmo_owner->data(), 0x77, kVmoPages * kPageSize);
    vmo = *Vmo::create_wired(vmo_owner->range(), kContent, Permissions::read_write());
    for (std::uint64_t p = 0; p < kVmoPages; ++p) vmo_value(p) = 1000 + p;
    kernel.allocated_before = kernel.frames.statistics().allocated;
    for (auto& space : spaces) {
      space = std::move(*AddressSpace::create(*kernel.space, {.committed_pages = kLimit}));
    }
    const VirtualRange bounds = spaces[0]->bounds();
    bases = {bounds.start().value() >> 12, 500, 512 * 512 - 8, (bounds.end().value() >> 12) - 20};
  }

  std::uint64_t& vmo_value(std::uint64_t page) {
    return *kernel.machine.phys_map().pointer<std::uint64_t>(vmo_owner->range().start() +
                                                             page * kPageSize + kValueAt);
  }
  std::uint64_t pick(std::uint64_t below) { return random() % below; }

  void step() {
    const auto which = static_cast<std::size_t>(pick(2));
    AddressSpace& space = *spaces[which];
    Model& model = models[which];
    const AsHart as(static_cast<unsigned>(pick(3)));
    const std::uint64_t kind = pick(16);
    if (kind == 0) {
      kernel.space->activate();
    } else if (kind < 8) {
      touch(space, model);
    } else if (pick(6) == 0) {
      const test::Scarcity scarcity(kernel.frames, pick(5));
      const test::FailingNew failing(static_cast<unsigned>(pick(4)));
      change(space, model, true);
    } else {
      change(space, model, false);
    }
    compare(which);
  }

  void touch(AddressSpace& space, Model& model) {
    const std::uint64_t number = any_page(model);
    const std::array accesses{Access::kRead, Access::kWrite, Access::kExecute};
    const Access access = accesses[pick(3)];
    const VirtualAddress at((number << 12) + kValueAt);
    space.activate();
    const unsigned hart = arch::Harts::id();
    const bool scarce = pick(8) == 0;
    std::optional<test::Scarcity> scarcity;
    if (scarce) scarcity.emplace(kernel.frames, pick(4));

    const auto found = model.pages.find(number);
    const bool allowed = found != model.pages.end() && found->second.permissions.allows(access);
    auto physical = kernel.machine.translate(hart, at, access);
    for (int tries = 0; !physical && tries < 2; ++tries) {
      const FaultOutcome outcome = space.handle_fault(at, access);
      if (outcome == FaultOutcome::kOutOfMemory && scarce) return;
      const bool guards = found != model.pages.end() && found->second.backing == Backing::kGuard;
      const FaultOutcome expected = found == model.pages.end() ? FaultOutcome::kNotMapped
                                    : guards                   ? FaultOutcome::kGuard
                                    : !allowed                 ? FaultOutcome::kDenied
                                                               : FaultOutcome::kResolved;
      ASSERT_EQ(outcome, expected);
      if (outcome != FaultOutcome::kResolved) return;
      physical = kernel.machine.translate(hart, at, access);
    }
    ASSERT_TRUE(physical.has_value());
    ASSERT_TRUE(allowed);
    Page& page = found->second;
    if (page.backing == Backing::kAnonymous) page.own = true;
    const bool partial = page.vmo_page == kVmoPages - 1;
    if (page.backing == Backing::kPrivate && !page.own && (access == Access::kWrite || partial)) {
      page.own = true;
      page.value = vmo_value(page.vmo_page);
    }
    auto* word = kernel.machine.phys_map().pointer<std::uint64_t>(*physical);
    std::uint64_t& expected = page.own ? page.value : vmo_value(page.vmo_page);
    ASSERT_EQ(*word, expected);
    if (page.backing == Backing::kPrivate && page.own && partial) {
      const auto behind =
          kernel.machine.phys_map().pointer<std::uint64_t>(*physical - kValueAt + kBehindAt);
      ASSERT_EQ(*behind, 0u);
    }
    if (access == Access::kWrite) *word = expected = random();
  }

  void change(AddressSpace& space, Model& model, bool scarce) {
    const std::array kinds{Permissions::none(), Permissions::read_only(), Permissions::read_write(),
                           Permissions::read_execute()};
    const Permissions permissions = kinds[pick(4)];
    const std::uint64_t first = pick(3) == 0 ? any_page(model) : bases[pick(4)] + pick(16);
    const std::uint64_t count = 1 + pick(6);
    const bool reachable =
        space.bounds().contains(VirtualRange(VirtualAddress(first << 12), count << 12));
    const VirtualRange range(VirtualAddress(first << 12), count << 12);
    const auto is_scarce = [&](auto& result) {
      return scarce && !result && result.error() == SpaceError::kOutOfMemory;
    };
    switch (pick(9)) {
      case 0:
      case 1: {
        const bool anywhere = pick(3) == 0;
        const Placement where =
            anywhere ? Placement::anywhere(kPageSize << pick(4)) : Placement::at(range.start());
        bool vacant = true;
        for (std::uint64_t p = first; p < first + count; ++p) vacant &= !model.pages.contains(p);
        const auto backing = static_cast<Backing>(pick(4));
        Page page{.permissions = permissions.for_user(), .backing = backing};
        std::uint64_t vmo_first = 0;
        auto result = [&]() -> base::Result<VirtualRange, SpaceError> {
          if (backing == Backing::kReserved) return space.reserve(where, range.size());
          if (backing == Backing::kAnonymous) {
            return space.map_anonymous(where, range.size(), permissions);
          }
          vmo_first = pick(kVmoPages);
          return backing == Backing::kShared
                     ? space.map_shared(where, vmo, vmo_first << 12, range.size(), permissions)
                     : space.map_private(where, vmo, vmo_first << 12, range.size(), permissions);
        }();
        if (is_scarce(result)) return;
        if (backing == Backing::kReserved) page.permissions = Permissions::none().for_user();
        if (backing == Backing::kAnonymous && permissions.is_none()) {
          page.backing = Backing::kReserved;
        }
        const bool has_vmo = backing == Backing::kShared || backing == Backing::kPrivate;
        const bool in_vmo = !has_vmo || vmo_first + count <= kVmoPages;
        const bool permitted = backing != Backing::kShared || !permissions.can_execute();
        const bool charge = page.backing == Backing::kAnonymous || backing == Backing::kPrivate;
        const bool affordable = !charge || model.charged() + count <= kLimit;
        const bool expected =
            (anywhere || (reachable && vacant)) && in_vmo && permitted && affordable;
        ASSERT_EQ(result.has_value(), expected);
        if (!result) return;
        const std::uint64_t start = result->start().value() >> 12;
        const std::uint64_t mapping = ++last_mapping;
        for (std::uint64_t i = 0; i < count; ++i) {
          page.origin = start;
          page.mapping = mapping;
          page.vmo_page = vmo_first + i;
          ASSERT_TRUE(model.pages.emplace(start + i, page).second);
        }
        return;
      }
      case 2:
      case 3:
      case 4: {
        const bool commits = pick(2) == 0;
        auto result =
            commits ? space.commit(range, permissions) : space.protect(range, permissions);
        if (is_scarce(result)) return;
        bool expected = reachable && model.covers(first, count, commits);
        std::uint64_t charge = 0;
        for (std::uint64_t p = first; expected && p < first + count; ++p) {
          const Page& page = model.pages.at(p);
          charge += page.backing == Backing::kReserved && !permissions.is_none() ? 1 : 0;
          expected &= page.backing != Backing::kGuard;
          expected &= page.backing != Backing::kShared || !permissions.can_execute();
        }
        expected &= !(commits && permissions.is_none());
        expected &= charge == 0 || model.charged() + charge <= kLimit;
        ASSERT_EQ(result.has_value(), expected);
        if (!result) return;
        for (std::uint64_t p = first; p < first + count; ++p) {
          Page& page = model.pages.at(p);
          page.permissions = permissions.for_user();
          if (page.backing == Backing::kReserved && !permissions.is_none()) {
            page.backing = Backing::kAnonymous;
          }
        }
        return;
      }
      case 5: {
        auto result = space.decommit(range);
        if (is_scarce(result)) return;
        bool expected = reachable && model.covers(first, count, true);
        for (std::uint64_t p = first; expected && p < first + count; ++p) {
          const Backing backing = model.pages.at(p).backing;
          expected &= backing == Backing::kReserved || backing == Backing::kAnonymous;
        }
        ASSERT_EQ(result.has_value(), expected);
        if (!result) return;
        for (std::uint64_t p = first; p < first + count; ++p) {
          const Page old = model.pages.at(p);
          model.pages[p] = {.origin = old.origin,
                            .mapping = old.mapping,
                            .permissions = Permissions::none().for_user()};
        }
        return;
      }
      case 6: {
        auto result = space.unmap(range);
        if (is_scarce(result)) return;
        ASSERT_EQ(result.has_value(), reachable && model.covers(first, count, false));
        if (!result) return;
        for (std::uint64_t p = first; p < first + count; ++p) model.pages.erase(p);
        return;
      }
      case 7: {
        auto result = space.guard(range);
        if (is_scarce(result)) return;
        bool expected = reachable && model.covers(first, count, true);
        for (std::uint64_t p = first; expected && p < first + count; ++p) {
          expected &= model.pages.at(p).backing == Backing::kReserved;
        }
        ASSERT_EQ(result.has_value(), expected);
        if (!result) return;
        for (std::uint64_t p = first; p < first + count; ++p) {
          model.pages.at(p).backing = Backing::kGuard;
        }
        return;
      }
      default: {
        auto result = space.release(range.start());
        const auto found = model.pages.find(first);
        const bool expected = found != model.pages.end() && found->second.origin == first;
        if (is_scarce(result)) return;
        ASSERT_EQ(result.has_value(), expected);
        if (!result) return;
        const std::uint64_t mapping = found->second.mapping;
        for (std::uint64_t p = first; model.pages.contains(p); ++p) {
          if (model.pages.at(p).mapping != mapping) break;
          model.pages.erase(p);
        }
      }
    }
  }

  std::uint64_t any_page(const Model& model) {
    if (model.pages.empty() || pick(8) == 0) return bases[pick(4)] + pick(16);
    auto found = model.pages.begin();
    std::advance(found, static_cast<std::ptrdiff_t>(pick(model.pages.size())));
    return found->first;
  }

  /// Pages may be there ahead of a touch, with what the touch would have found.
  void note_pages_ahead(AddressSpace& space, Model& model) {
    space.for_each_leaf([&](VirtualAddress at, const paging::Leaf& leaf, std::uint64_t) {
      const auto found = model.pages.find(at.value() >> 12);
      if (found == model.pages.end() || found->second.own) return;
      if (found->second.backing != Backing::kAnonymous) return;
      const auto* words = kernel.machine.phys_map().pointer<std::uint64_t>(leaf.address);
      ASSERT_TRUE(std::all_of(words, words + kPageSize / 8, [](auto word) { return word == 0; }));
      found->second.own = true;
      found->second.value = 0;
    });
  }

  void compare(std::size_t which) {
    ASSERT_EQ(kernel.machine.stale_translations(), 0u);
    for (std::size_t i = 0; i < spaces.size(); ++i) note_pages_ahead(*spaces[i], models[i]);
    std::uint64_t frames = 0;
    for (std::size_t i = 0; i < spaces.size(); ++i) {
      const SpaceUsage usage = spaces[i]->usage();
      ASSERT_EQ(usage.committed_pages, models[i].charged());
      ASSERT_EQ(usage.resident_pages, models[i].resident());
      ASSERT_EQ(usage.shared_pages, models[i].shared());
      ASSERT_EQ(usage.reserved_bytes, models[i].pages.size() * kPageSize);
      frames += usage.resident_pages + usage.page_tables;
    }
    ASSERT_EQ(kernel.in_use(), frames);
    // Every leaf is a page of the model, with no more permissions than that has.
    const Model& model = models[which];
    std::uint64_t own = 0;
    spaces[which]->for_each_leaf([&](VirtualAddress at, const paging::Leaf& leaf, std::uint64_t) {
      const auto found = model.pages.find(at.value() >> 12);
      ASSERT_NE(found, model.pages.end());
      ASSERT_TRUE(found->second.permissions.includes(leaf.properties.permissions));
      ASSERT_TRUE(leaf.properties.permissions.is_user());
      own += vmo_owner->range().contains(leaf.address) ? 0 : 1;
    });
    ASSERT_EQ(own, model.resident());
    std::uint64_t regions = 0;
    const Page* before = nullptr;
    std::uint64_t last = 0;
    for (const auto& [number, page] : model.pages) {
      const bool joined = before != nullptr && last + 1 == number &&
                          before->mapping == page.mapping && before->backing == page.backing &&
                          before->permissions == page.permissions;
      regions += joined ? 0 : 1;
      before = &page;
      last = number;
    }
    ASSERT_EQ(spaces[which]->usage().regions, regions);
  }

  void finish() {
    for (auto& space : spaces) space.reset();
    for (unsigned hart = 0; hart < 3; ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.in_use(), 0u);
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  }

  test::TestKernel kernel;
  std::mt19937_64 random;
  VmoRef vmo_owner;
  VmoRef vmo;
  std::array<std::unique_ptr<AddressSpace>, 2> spaces;
  std::array<Model, 2> models;
  std::vector<std::uint64_t> bases;
  std::uint64_t last_mapping = 0;
};

class SpaceModelTest : public testing::TestWithParam<riscv::PagingMode> {};

TEST_P(SpaceModelTest, SpacesFollowAMapOfPages) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Machinery machinery(GetParam(), seed);
  for (int step = 0; step < 6000 && !testing::Test::HasFailure(); ++step) machinery.step();
  machinery.finish();
}

INSTANTIATE_TEST_SUITE_P(Modes, SpaceModelTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
