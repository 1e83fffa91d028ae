// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that play harts, under ThreadSanitizer: each has copies of copies of one object, and
// writes to them while the others write to theirs, copy, forget and end them. All share nodes and
// frames; what is written is written plainly, so that two who write in place, or one who copies
// what another writes, are a race. A program of its own, for its rooms are built with this
// sanitizer and no other.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/riscv/sv.hpp>

#include "thread_harts.hpp"

namespace quoll::vm {
namespace {

using arch::mock::AsHart;
using arch::mock::Machine;
using mem::kPageSize;
using mem::Permissions;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualAddress;
using mem::VirtualRange;
using test::check;
using test::on_harts;

constexpr unsigned kHarts = 4;
constexpr std::uint64_t kFrames = 2048;
constexpr std::uint64_t kPages = 80;
const PhysicalRange kRam(PhysicalAddress(0x8000'0000), kFrames* kPageSize);
const auto kRw = Permissions::read_write();

struct Kernel {
  Kernel() : format(riscv::PagingMode::kSv39), machine({kRam}, kHarts, 16) {
    const std::array free{kRam};
    check(frames.init(machine.phys_map(), free).has_value(), "memory is taken over");
    root = std::move(*frames.allocate_zeroed());
    below = std::move(*frames.allocate_zeroed());
    const VirtualAddress window = format.kernel_half().start();
    static_cast<std::uint64_t*>(root.data())[256] = format.encode_table(below.address());
    space.emplace(format, root.address(), VirtualRange(window, 64 * kPageSize), frames);
    for (unsigned hart = 0; hart < kHarts; ++hart) {
      const AsHart as(hart);
      arch::Mmu::set_root(format, root.address());
    }
    before = frames.statistics().allocated;
  }
  void check_empty() {
    frames.drain_caches();
    check(frames.statistics().allocated == before, "every frame came back");
    check(PageNode::count() == 0, "and every node");
  }

  riscv::Sv format;
  Machine machine;
  FrameAllocator frames;
  Frame root;
  Frame below;
  std::optional<KernelSpace> space;
  std::uint64_t before = 0;
};

bool set(PagedVmo& object, std::uint64_t page, std::uint64_t value) {
  return object.write(page * kPageSize, std::as_bytes(std::span(&value, 1))).has_value();
}
std::uint64_t get(PagedVmo& object, std::uint64_t page) {
  std::uint64_t value = 0;
  check(object.read(page * kPageSize, std::as_writable_bytes(std::span(&value, 1))).has_value(),
        "a page is read");
  return value;
}

/// An object with what its owner has written to it.
struct Owned {
  PagedVmoRef object;
  std::array<std::uint64_t, kPages> values{};
};

void check_values(Owned& one, const char* what) {
  for (std::uint64_t page = 0; page < kPages; ++page) {
    check(get(*one.object, page) == one.values[page], what);
  }
}

/// One of a hart's objects is copied, ends, loses a page, is asked, written to or read.
void change_one_of(std::vector<Owned>& mine, std::mt19937& random, std::uint64_t step) {
  Owned& one = mine[random() % mine.size()];
  const std::uint64_t page = random() % kPages;
  switch (random() % 8) {
    case 0:
      if (mine.size() < 12) {
        Owned copy{*one.object->clone(kRw), one.values};
        mine.push_back(std::move(copy));
      }
      break;
    case 1:
      if (mine.size() > 1) {
        std::swap(one, mine.back());
        mine.pop_back();
      }
      break;
    case 2:
      if (one.object->decommit(page * kPageSize, kPageSize)) one.values[page] = 0;
      break;
    case 3:
      (void)one.object->usage();
      break;
    case 4:
    case 5:
      if (set(*one.object, page, step)) one.values[page] = step;
      break;
    default:
      check(get(*one.object, page) == one.values[page], "an object has what was written");
  }
}

/// Each hart with copies of its own of one object.
void copy_and_write(std::uint32_t seed) {
  Kernel kernel;
  {
    Owned first{*PagedVmo::create(kernel.frames, kPages * kPageSize, kRw)};
    for (std::uint64_t page = 0; page < kPages; page += 2) {
      check(set(*first.object, page, page + 1), "a page is written");
      first.values[page] = page + 1;
    }
    on_harts(0, kHarts, [&](unsigned hart) {
      std::mt19937 random(seed + hart);
      std::vector<Owned> mine{{*first.object->clone(kRw), first.values}};
      for (std::uint64_t step = 1; step < 3000; ++step) change_one_of(mine, random, step);
      for (Owned& one : mine) check_values(one, "and still has it at the end");
    });
    check_values(first, "the original is as it was");
    check(first.object->usage().store.alone_pages == kPages / 2, "and has its pages alone");
  }
  kernel.check_empty();
}

/// A hart with its own space, in which an object that all share comes and goes.
class Mapper {
 public:
  Mapper(Kernel& kernel, AddressSpace& space, PagedVmoRef object, unsigned hart, std::uint32_t seed)
      : kernel_(kernel),
        space_(space),
        object_(std::move(object)),
        hart_(hart),
        random_(seed + hart) {
    space_.activate();
  }
  ~Mapper() { kernel_.space->activate(); }
  Mapper(const Mapper&) = delete;
  Mapper& operator=(const Mapper&) = delete;

  void step() {
    if (!range_) {
      map();
      return;
    }
    switch (random_() % 16) {
      case 0:
        check(space_.unmap(*range_).has_value(), "a mapping ends");
        range_.reset();
        break;
      case 1:
        copy_ = *object_->clone(kRw);
        break;
      case 2:
        (void)object_->decommit(random_() % 40 * kPageSize, 8 * kPageSize);
        break;
      case 3:
        check(object_->resize((60 + random_() % 20) * kPageSize).has_value(), "a size changes");
        break;
      case 4:
        check(space_.protect(*range_, random_() % 2 == 0 ? kRw : Permissions::read_only())
                  .has_value(),
              "permissions change");
        break;
      case 5:
        (void)set(*object_, random_() % 50, hart_);
        break;
      case 6:
      case 7:
        put_copy();
        break;
      default:
        access();
    }
  }

 private:
  /// A private page of a copy in the place of a page of the object, which keeps that in its list:
  /// the mapping of the rest covers it. Both may have the same frame there.
  void put_copy() {
    const std::uint64_t offset = random_() % range_->page_count() * kPageSize;
    const VirtualAddress at = range_->start() + offset;
    const PagedVmoRef copy = *object_->clone(kRw);
    if (offset + kPageSize > copy->size()) return;
    check(space_.unmap(VirtualRange(at, kPageSize)).has_value(), "a page is unmapped");
    check(space_.map_private(Placement::at(at), copy, offset, kPageSize, kRw).has_value(),
          "a copy is mapped in its place");
    (void)space_.handle_fault(at, mem::Access::kRead);
    const FaultOutcome outcome = space_.handle_fault(at, mem::Access::kWrite);
    check(outcome == FaultOutcome::kResolved, "it is written");
  }
  void map() {
    const auto where = Placement::at(VirtualAddress(0x10'0000));
    const bool is_private = random_() % 3 == 0;
    const VmoRef what = copy_ && random_() % 2 == 0 ? copy_ : object_;
    const std::uint64_t size = what->size();
    const auto mapped = is_private ? space_.map_private(where, what, 0, size, kRw)
                                   : space_.map_shared(where, what, 0, size, kRw);
    if (mapped) range_ = *mapped;
  }
  void access() {
    const VirtualAddress at = range_->start() + random_() % range_->page_count() * kPageSize;
    const auto access = random_() % 2 == 0 ? mem::Access::kRead : mem::Access::kWrite;
    if (kernel_.machine.translate(hart_, at, access)) return;
    const FaultOutcome outcome = space_.handle_fault(at, access);
    check(outcome != FaultOutcome::kMustWait && outcome != FaultOutcome::kUnavailable &&
              outcome != FaultOutcome::kNotMapped,
          "a fault finds what is mapped");
  }

  Kernel& kernel_;
  AddressSpace& space_;
  PagedVmoRef object_;
  unsigned hart_;
  std::mt19937 random_;
  PagedVmoRef copy_;
  std::optional<VirtualRange> range_;
};

/// One object in several spaces, each hart in its own: faults, copies, and pages taken away.
void map_and_change(std::uint32_t seed) {
  Kernel kernel;
  {
    const PagedVmoRef object = *PagedVmo::create(kernel.frames, kPages * kPageSize, kRw);
    std::array<std::unique_ptr<AddressSpace>, kHarts> spaces;
    for (auto& space : spaces) space = std::move(*AddressSpace::create(*kernel.space));
    on_harts(0, kHarts, [&](unsigned hart) {
      Mapper mapper(kernel, *spaces[hart], object, hart, seed);
      for (unsigned step = 0; step < 1500; ++step) mapper.step();
    });
    check(kernel.machine.stale_translations() == 0, "no hart keeps what was taken away");
    for (auto& space : spaces) space.reset();
    check(object->usage().mappings == 0, "no mapping is left");
  }
  kernel.check_empty();
}

/// No page is wanted.
constexpr std::uint64_t kNone = ~std::uint64_t{0};

/// Has every page, but later.
struct Late final : PageProvider {
  PageAnswer page(std::uint64_t, std::uint64_t) noexcept override { return LaterPage(); }
  void fetch(PagedVmo&, std::uint64_t offset) noexcept override {
    check(wanted.exchange(offset) == kNone, "a page is asked for once");
  }
  std::uint64_t await_wanted() {
    std::uint64_t offset = 0;
    while ((offset = wanted.exchange(kNone)) == kNone) std::this_thread::yield();
    return offset;
  }
  std::atomic<std::uint64_t> wanted{kNone};
};

struct Waiter : PageWaiter {
  Waiter() {
    complete = [](PageWaiter& self) { static_cast<Waiter&>(self).is_called.store(true); };
  }
  std::atomic<bool> is_called{false};
};

/// The page that is asked for gets its number as its content, perhaps at the second time only.
void supply_page(Kernel& kernel, PagedVmo& object, Late& late, std::uint64_t page, bool fails) {
  std::uint64_t offset = late.await_wanted();
  if (fails) {
    check(object.fail(offset).has_value(), "a request fails");
    offset = late.await_wanted();
  }
  Frame frame = std::move(*kernel.frames.allocate());
  *static_cast<std::uint64_t*>(frame.data()) = page;
  check(object.supply(offset, std::move(frame)).has_value(), "a page is supplied");
}

/// What the page has once it is there; who withdraws asks again.
std::uint64_t await_page(PagedVmo& object, std::uint64_t page, bool withdraws) {
  std::uint64_t value = 0;
  while (!object.read(page * kPageSize, std::as_writable_bytes(std::span(&value, 1)))) {
    const PageRequestRef request = object.request(page * kPageSize);
    if (!request) continue;
    Waiter waiter;
    if (!request->wait(waiter)) continue;
    if (withdraws && request->withdraw(waiter)) continue;
    while (!waiter.is_called.load()) std::this_thread::yield();
  }
  return value;
}

/// Harts that need the same page of an object, which comes later.
void wait_together(std::uint32_t seed) {
  Kernel kernel;
  {
    auto* late = new Late;
    const PagedVmoRef object =
        *PagedVmo::create(kernel.frames, kPages * kPageSize, kRw, PageProviderRef::adopt(late));
    for (std::uint64_t page = 0; page < kPages; ++page) {
      on_harts(0, kHarts, [&](unsigned hart) {
        if (hart == 0) {
          supply_page(kernel, *object, *late, page, (seed + page) % 5 == 0);
        } else {
          check(await_page(*object, page, hart == 1) == page, "all see the page");
        }
      });
    }
  }
  kernel.check_empty();
}

/// Who finds without a lock that a page has come, or that an object is sealed, sees what was done
/// before that.
void find_out_by_looking() {
  Kernel kernel;
  for (unsigned round = 0; round < 20; ++round) {
    auto* late = new Late;
    const PagedVmoRef object =
        *PagedVmo::create(kernel.frames, kPageSize, kRw, PageProviderRef::adopt(late));
    std::atomic<bool> is_asked{false};
    unsigned before_page = 0;
    unsigned before_seal = 0;
    on_harts(0, 2, [&](unsigned hart) {
      if (hart == 0) {
        while (!is_asked.load()) std::this_thread::yield();
        before_page = 1;
        supply_page(kernel, *object, *late, 0, false);
        before_seal = 1;
        object->seal();
        return;
      }
      std::uint64_t word = 0;
      check(!object->read(0, std::as_writable_bytes(std::span(&word, 1))), "the page comes later");
      const PageRequestRef request = object->request(0);
      is_asked.store(true);
      while (request->state() == PageRequestState::kPending) std::this_thread::yield();
      check(before_page == 1, "the page has come");
      while (!object->is_sealed()) std::this_thread::yield();
      check(before_seal == 1, "the object is sealed");
    });
  }
  kernel.check_empty();
}

}  // namespace
}  // namespace quoll::vm

int main() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  quoll::vm::copy_and_write(seed);
  quoll::vm::map_and_change(seed);
  quoll::vm::wait_together(seed);
  quoll::vm::find_out_by_looking();
  return 0;
}
