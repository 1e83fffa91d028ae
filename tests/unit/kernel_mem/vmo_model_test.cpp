// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Trees of copies, 100 deep, against plain maps: random operations on any of them and through
// mappings of theirs on three harts, some while frames or objects are scarce. After each the
// pages that were touched are compared, now and then everything, and the counts.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "test_kernel.hpp"
#include "vmo_support.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

const auto kRw = Permissions::read_write();
constexpr std::uint64_t kLent = 5;      // pages of the archive
constexpr std::uint64_t kMaxSize = 48;  // pages

struct Model {
  PagedVmoRef object;
  std::uint64_t size = 0;      // pages
  std::uint64_t provided = 0;  // pages
  bool is_sealed = false;
  unsigned depth = 0;
  std::map<std::uint64_t, std::uint64_t> written;
};

struct Mapped {
  std::size_t object;
  unsigned space;
  bool is_private;
  VirtualRange range;
  std::uint64_t first;                              // page of the object
  std::map<std::uint64_t, std::uint64_t> own = {};  // private pages, by page of the mapping
};

class Trees {
 public:
  explicit Trees(unsigned seed) : random_(seed) {
    archive_ = std::move(*kernel_.frames.allocate_run(kLent));
    for (std::uint64_t i = 0; i < kLent; ++i) archive_word(i) = 1'000'000 + i;
    before_ = kernel_.in_use();
    for (unsigned i = 0; i < spaces_.size(); ++i) {
      spaces_[i] = std::move(*AddressSpace::create(*kernel_.space));
      const AsHart as(i);
      spaces_[i]->activate();
    }
    Model first;
    first.size = 40;
    first.provided = first.size;
    first.object = *PagedVmo::create(
        kernel_.frames, first.size * kPageSize, kRw,
        *ArchivePages::create(test::PhysicalRange(archive_.start(), kLent * kPageSize)));
    objects_.push_back(std::move(first));
  }
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  ~Trees() {
    mapped_.clear();
    for (auto& space : spaces_) space.reset();
    for (unsigned hart = 0; hart < spaces_.size(); ++hart) {
      const AsHart as(hart);
      kernel_.space->activate();
    }
    objects_.clear();
    EXPECT_EQ(kernel_.in_use(), before_);
    EXPECT_EQ(PageNode::count(), nodes_before_);
    EXPECT_GE(deepest_, 100u);
  }

  // NOLINTNEXTLINE(readability-function-cognitive-complexity): a list of things to do
  void step(std::uint64_t number) {
    const std::size_t which = pick(objects_.size());
    const std::uint64_t kind = pick(24);
    std::optional<test::Scarcity> scarcity;
    std::optional<test::FailingNew> failing;
    if (pick(10) == 0) {
      scarcity.emplace(kernel_.frames, pick(4));
      failing.emplace(static_cast<unsigned>(pick(5)));
    }
    // What objects write to adds up, and the machine is small.
    const bool may_fail = scarcity.has_value() || kernel_.frames.available_frames() < 64;
    if (kind < 5) {
      write(which, number, may_fail);
    } else if (kind < 15 && !mapped_.empty()) {
      touch(mapped_[pick(mapped_.size())], number, may_fail);
    } else if (kind < 17) {
      clone(which, may_fail);
    } else if (kind == 17) {
      change_range(which, may_fail);
    } else if (kind == 18) {
      resize(which, may_fail);
    } else if (kind == 19 && pick(20) == 0) {
      objects_[which].object->seal();
      objects_[which].is_sealed = true;
    } else if (kind == 20) {
      map(which, may_fail);
    } else if (kind == 21 && !mapped_.empty()) {
      unmap(pick(mapped_.size()));
    } else if (kind == 22) {
      drop(which);
    }
    failing.reset();
    scarcity.reset();
    ASSERT_EQ(kernel_.machine.stale_translations(), 0u);
    if (number % 200 == 0) compare_all();
  }

  void compare_all() {
    std::uint64_t alone = 0;
    for (Model& model : objects_) {
      const VmoUsage usage = model.object->usage();
      alone += usage.store.alone_pages;
      ASSERT_EQ(usage.store.pages, resident(model));
      for (std::uint64_t page = 0; page < model.size; ++page) {
        ASSERT_EQ(test::word_at(*model.object, page * kPageSize), value(model, page));
      }
    }
    ASSERT_LE(alone, kernel_.in_use());
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  std::uint64_t& archive_word(std::uint64_t page) {
    return static_cast<std::uint64_t*>(archive_.data())[page * kPageSize / 8];
  }
  std::uint64_t value(const Model& model, std::uint64_t page) {
    const auto found = model.written.find(page);
    if (found != model.written.end()) return found->second;
    return page < kLent && page < model.provided ? archive_word(page) : 0;
  }
  /// Pages with frames are those that the model has written: reads of zeros write a zero there.
  static std::uint64_t resident(const Model& model) { return model.written.size(); }

  void write(std::size_t which, std::uint64_t number, bool may_fail) {
    Model& model = objects_[which];
    const std::uint64_t page = pick(kMaxSize);
    const auto result = model.object->write(page * kPageSize, std::as_bytes(std::span(&number, 1)));
    if (!result && may_fail && result.error() == SpaceError::kOutOfMemory) return;
    if (page >= model.size) {
      ASSERT_EQ(result.error(), SpaceError::kOutsideVmo);
    } else if (model.is_sealed) {
      ASSERT_EQ(result.error(), SpaceError::kSealed);
    } else {
      ASSERT_TRUE(result);
      model.written[page] = number;
      ASSERT_EQ(test::word_at(*model.object, page * kPageSize), number);
    }
  }

  /// As user mode does.
  // NOLINTNEXTLINE(readability-function-cognitive-complexity): the rules of mappings
  void touch(Mapped& mapped, std::uint64_t number, bool may_fail) {
    Model& model = objects_[mapped.object];
    AddressSpace& space = *spaces_[mapped.space];
    const AsHart as(mapped.space);
    const std::uint64_t at = pick(mapped.range.page_count());
    const std::uint64_t page = mapped.first + at;
    const Access access = pick(2) == 0 ? Access::kRead : Access::kWrite;
    const VirtualAddress address = mapped.range.start() + at * kPageSize;
    auto physical = kernel_.machine.translate(mapped.space, address, access);
    const bool has_own = mapped.own.contains(at);
    for (int tries = 0; !physical && tries < 3; ++tries) {
      const FaultOutcome outcome = space.handle_fault(address, access);
      if (may_fail && outcome == FaultOutcome::kOutOfMemory) {
        // The object may have got the page, and the space no page table for it.
        if (model.object->usage().store.pages != resident(model)) {
          model.written.try_emplace(page, value(model, page));
        }
        return;
      }
      if (!has_own && page >= model.size) {
        ASSERT_EQ(outcome, FaultOutcome::kOutsideVmo);
        return;
      }
      if (!mapped.is_private && model.is_sealed && access == Access::kWrite) {
        ASSERT_EQ(outcome, FaultOutcome::kDenied);
        return;
      }
      ASSERT_EQ(outcome, FaultOutcome::kResolved);
      physical = kernel_.machine.translate(mapped.space, address, access);
    }
    ASSERT_TRUE(physical.has_value());
    auto* word = kernel_.machine.phys_map().pointer<std::uint64_t>(*physical);
    if (mapped.is_private) {
      const bool is_unwritten = value(model, page) == 0 && !model.written.contains(page);
      if (!has_own && (access == Access::kWrite || is_unwritten)) {
        mapped.own[at] = value(model, page);
      }
    } else {
      ASSERT_LT(page, model.size);
      ASSERT_FALSE(model.is_sealed && access == Access::kWrite);
      const bool is_lent = page < kLent && page < model.provided;
      if (!model.written.contains(page) && (access == Access::kWrite || !is_lent)) {
        model.written[page] = value(model, page);
      }
    }
    const auto own = mapped.own.find(at);
    ASSERT_EQ(*word, own == mapped.own.end() ? value(model, page) : own->second);
    if (access != Access::kWrite) return;
    *word = number;
    (mapped.is_private ? mapped.own[at] : model.written[page]) = number;
  }

  void clone(std::size_t which, bool may_fail) {
    if (objects_.size() > 140) return;
    // Rather the deepest ones, so that trees grow deep.
    if (pick(4) != 0) {
      which = static_cast<std::size_t>(
          std::max_element(objects_.begin(), objects_.end(),
                           [](const Model& a, const Model& b) { return a.depth < b.depth; }) -
          objects_.begin());
    }
    const auto result = objects_[which].object->clone(kRw);
    if (!result && may_fail) return;
    ASSERT_TRUE(result);
    Model copy = objects_[which];
    copy.object = *result;
    copy.is_sealed = false;
    ++copy.depth;
    deepest_ = std::max(deepest_, copy.depth);
    objects_.push_back(std::move(copy));
  }

  void change_range(std::size_t which, bool may_fail) {
    Model& model = objects_[which];
    const std::uint64_t first = pick(kMaxSize);
    const std::uint64_t count = 1 + pick(kMaxSize - first);
    const bool commits = pick(3) == 0;
    const auto result = commits ? model.object->commit(first * kPageSize, count * kPageSize)
                                : model.object->decommit(first * kPageSize, count * kPageSize);
    if (!result && may_fail && result.error() == SpaceError::kOutOfMemory) return;
    if (first + count > model.size) {
      ASSERT_EQ(result.error(), SpaceError::kOutsideVmo);
      return;
    }
    if (model.is_sealed && !commits) {
      ASSERT_EQ(result.error(), SpaceError::kSealed);
      return;
    }
    ASSERT_TRUE(result);
    for (std::uint64_t page = first; page < first + count; ++page) {
      if (!commits) {
        model.written.erase(page);
      } else if (!(page < kLent && page < model.provided)) {
        model.written.try_emplace(page, 0);
      }
    }
  }

  void resize(std::size_t which, bool may_fail) {
    Model& model = objects_[which];
    const std::uint64_t size = 1 + pick(kMaxSize);
    const auto result = model.object->resize(size * kPageSize);
    if (!result && may_fail && result.error() == SpaceError::kOutOfMemory) return;
    if (model.is_sealed) {
      ASSERT_EQ(result.error(), SpaceError::kSealed);
      return;
    }
    ASSERT_TRUE(result);
    model.size = size;
    model.provided = std::min(model.provided, size);
    model.written.erase(model.written.lower_bound(size), model.written.end());
  }

  void map(std::size_t which, bool may_fail) {
    if (mapped_.size() > 12) return;
    const Model& model = objects_[which];
    const auto space = static_cast<unsigned>(pick(spaces_.size()));
    const bool is_private = pick(3) == 0;
    const std::uint64_t first = pick(model.size);
    const std::uint64_t count = 1 + pick(model.size - first);
    const auto where = Placement::anywhere();
    AddressSpace& s = *spaces_[space];
    const auto result =
        is_private ? s.map_private(where, model.object, first * kPageSize, count * kPageSize, kRw)
                   : s.map_shared(where, model.object, first * kPageSize, count * kPageSize, kRw);
    if (!result && may_fail) return;
    if (!is_private && model.is_sealed) {
      ASSERT_EQ(result.error(), SpaceError::kDenied);
      return;
    }
    ASSERT_TRUE(result);
    mapped_.push_back({which, space, is_private, *result, first});
  }

  void unmap(std::size_t which) {
    ASSERT_TRUE(spaces_[mapped_[which].space]->unmap(mapped_[which].range));
    mapped_.erase(mapped_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void drop(std::size_t which) {
    const bool is_tight = objects_.size() > 120 || kernel_.frames.available_frames() < 200;
    if (!is_tight || which == 0) return;
    for (std::size_t i = mapped_.size(); i-- > 0;) {
      if (mapped_[i].object == which) unmap(i);
    }
    const std::size_t last = objects_.size() - 1;
    std::swap(objects_[which], objects_[last]);
    objects_.pop_back();
    for (Mapped& mapped : mapped_) {
      if (mapped.object == last) mapped.object = which;
    }
  }

  test::TestKernel kernel_{riscv::PagingMode::kSv39};
  FrameRun archive_;
  std::uint64_t before_ = 0;
  std::uint64_t nodes_before_ = PageNode::count();
  std::mt19937 random_;
  std::array<std::unique_ptr<AddressSpace>, 3> spaces_;
  std::vector<Model> objects_;
  std::vector<Mapped> mapped_;
  unsigned deepest_ = 0;
};

TEST(VmoModelTest, TreesOfCopiesAreMapsOfPages) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::printf("seed %u\n", seed);
  Trees trees(seed);
  for (std::uint64_t number = 1; number < 12000 && !testing::Test::HasFatalFailure(); ++number) {
    trees.step(number);
  }
  trees.compare_all();
}

}  // namespace
}  // namespace quoll::vm
