// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frames and the heap over them, against sets of frame numbers and lists of objects. One class,
// with a short function for each of two dozen operations: it is that list which makes it long.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/heap.hpp>

#include "scarcity.hpp"
#include "system.hpp"

namespace quoll::model {
namespace {

using mem::kPageSize;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using vm::AllocError;
using vm::Frame;
using vm::FrameAllocator;
using vm::FrameList;
using vm::FrameRun;
using vm::FrameUse;
using vm::Heap;

constexpr std::uint64_t kRam = 0x8000'0000 / kPageSize;

/// Frame numbers `[first, first + count)`.
struct Stretch {
  std::uint64_t first;
  std::uint64_t count;
  PhysicalRange range() const {
    return PhysicalRange(PhysicalAddress(first * kPageSize), count * kPageSize);
  }
};
// Small holes, one so large that a second arena begins behind it, and edges that are aligned to
// nothing.
constexpr std::array kFree{Stretch{kRam + 3, 509}, Stretch{kRam + 517, 301},
                           Stretch{kRam + 6001, 203}};
constexpr Stretch kLater{kRam + 820, 37};
constexpr std::uint64_t kGuestReserve = 8;

enum KindIndex : std::uint32_t {
  kAllocate,
  kZeroed,
  kRun,
  kShare,
  kRelease,
  kReleaseRun,
  kPush,
  kReleaseList,
  kDrain,
  kHeapAllocate,
  kHeapFree,
  kHeapTrim,
  kReturn,
  kAdopt,
};

const std::array kKinds{
    Kind{"allocate", 16, {"done", "out of memory"}, 4},
    Kind{"zeroed", 12, {"done", "out of memory"}, 4},
    Kind{"run", 22, {"done", "out of memory", "invalid"}, 4},
    Kind{"share", 6, {"done"}},
    Kind{"release", 22, {"shared still", "given back"}},
    Kind{"release-run", 8, {"done"}},
    Kind{"push", 5, {"done"}},
    Kind{"release-list", 9, {"some", "empty"}},
    Kind{"drain", 3, {"done"}},
    Kind{"heap-allocate", 26, {"small", "large", "out of memory"}, 2},
    Kind{"heap-free", 17, {"small", "large", "null"}},
    Kind{"heap-trim", 2, {"done"}},
    Kind{"return-later", 2, {"done"}},
    Kind{"leak-and-adopt", 3, {"done"}},
};

/// What is written into memory that somebody owns: a word that depends on owner and place.
std::uint64_t pattern(std::uint64_t tag, std::size_t word) {
  return (tag + word) * 0x9e37'79b9'7f4a'7c15;
}
void fill(void* memory, std::size_t size, std::uint64_t tag) {
  auto* words = static_cast<std::uint64_t*>(memory);
  for (std::size_t i = 0; i < size / 8; ++i) words[i] = pattern(tag, i);
}
bool holds(const void* memory, std::size_t size, std::uint64_t tag, std::size_t stride = 1) {
  const auto* words = static_cast<const std::uint64_t*>(memory);
  const std::size_t count = size / 8;
  for (std::size_t i = 0; i < count; i += stride) {
    if (words[i] != pattern(tag, i)) return false;
  }
  return count == 0 || words[count - 1] == pattern(tag, count - 1);
}

class FramesSystem : public System {
 public:
  explicit FramesSystem(unsigned harts) : machine_(ram(), harts), heap_(frames_) {
    std::vector<PhysicalRange> free;
    for (const Stretch& stretch : kFree) free.push_back(stretch.range());
    const std::array later{kLater.range()};
    require(frames_.init(machine_.phys_map(), free, later).has_value(), "init refuses");
    frames_.reserve_for_kernel(kGuestReserve);
    for (std::uint64_t i = 0; i < kLater.count; ++i) later_.insert(kLater.first + i);

    const vm::FrameStatistics fresh = frames_.statistics();
    managed_ = fresh.managed;
    require(fresh.allocated == kLater.count, "what comes later is not allocated from the start");
    // All frames once, to know which there are.
    FrameList all(frames_);
    for (auto frame = frames_.allocate(); frame; frame = frames_.allocate()) {
      const std::uint64_t number = frame->address().value() / kPageSize;
      require(in_ram(number), "a frame in a hole: ", number);
      require(later_.count(number) == 0, "a frame that comes later: ", number);
      require(vacant_.insert(number).second, "a frame twice: ", number);
      all.push(std::move(*frame));
    }
    require(vacant_.size() + kLater.count == managed_,
            "managed frames that nobody gets: ", managed_ - vacant_.size() - kLater.count);
    std::uint64_t total = 0;
    for (const Stretch& stretch : kFree) total += stretch.count;
    require(vacant_.size() + fresh.metadata == total, "free frames do not add up with metadata");
    all.release_all();
    frames_.drain_caches();
    require(frames_.statistics().largest_free_run == fresh.largest_free_run,
            "the largest block is not whole again after all frames were out");
    lists_.emplace_back(std::make_unique<List>(frames_));
    lists_.emplace_back(std::make_unique<List>(frames_));
  }

  Step apply(const Operation& operation) override {
    Picker pick(operation.operands[0]);
    // A frame for the guests is refused while the reserve is all that is left.
    const std::uint64_t extra = operation.operands[1] % 2 == 0 ? 0 : kGuestReserve;
    std::optional<Scarcity> scarcity;
    if (operation.frames != kPlenty) scarcity.emplace(frames_, operation.frames + extra);
    const std::uint64_t held = scarcity ? scarcity->count() : 0;
    if (scarcity) {
      for (const std::uint64_t number : scarcity->numbers()) take(number);
    }
    const Step step = apply_in(operation, pick, held);
    if (scarcity) {
      for (const std::uint64_t number : scarcity->numbers()) give(number);
    }
    return step;
  }

  void compare() override {
    const vm::FrameStatistics now = frames_.statistics();
    const vm::HeapStatistics heap = heap_.statistics();
    require(now.managed == managed_, "managed frames changed");
    require(now.free + now.cached + now.allocated == now.managed,
            "counts do not add up: ", now.free, " free, ", now.cached, " cached, ", now.allocated,
            " allocated");
    const std::uint64_t expected = managed_ - vacant_.size() + heap.frames;
    require(now.allocated == expected, "frames: ", now.allocated, " allocated, ", expected,
            " have an owner");
    require(frames_.available_frames() == now.free + now.cached, "available frames do not add up");
    // The heap's frames are not in `vacant_`'s complement: it takes them behind the model's back.
    std::uint64_t used = 0;
    for (const Object& object : objects_) used += object.usable;
    require(heap.objects == objects_.size(), "heap: ", heap.objects, " objects, not ",
            objects_.size());
    require(heap.used_bytes == used, "heap: ", heap.used_bytes, " bytes, not ", used);
    require(heap.frames * kPageSize >= used, "heap: more bytes than frames");

    for (const Single& single : singles_) {
      require(single.frame.is_unique() == (owners_.at(single.number) == 1), "uniqueness of frame ",
              single.number);
      require(holds(single.frame.data(), kPageSize, single.number, 73),
              "somebody wrote into frame ", single.number);
    }
    for (const Run& run : runs_) {
      require(holds(run.run.data(), run.run.count() * kPageSize, run.first, 311),
              "somebody wrote into the run at ", run.first);
    }
    for (const Object& object : objects_) {
      require(holds(object.memory, object.size, object.tag, object.size > 512 ? 61 : 1),
              "somebody wrote into an object of ", object.size, " bytes");
    }
    for (const auto& list : lists_) {
      require(list->list.count() == list->numbers.size(), "a list's count");
    }
  }

  void finish() override {
    while (!objects_.empty()) free_object(objects_.size() - 1);
    heap_.trim();
    for (Single& single : singles_) single.frame.reset();
    singles_.clear();
    runs_.clear();
    for (auto& list : lists_) list->list.release_all();
    give_back_later(kLater.count);
    frames_.drain_caches();
    const vm::HeapStatistics heap = heap_.statistics();
    require(heap.frames == 0 && heap.objects == 0 && heap.used_bytes == 0, "the heap keeps ",
            heap.frames, " frames");
    const vm::FrameStatistics now = frames_.statistics();
    require(now.allocated == 0 && now.cached == 0 && now.free == managed_,
            "leaked frames: ", now.allocated);
    // Nothing is out, so the largest block is the largest that fits into memory.
    std::set<std::uint64_t> all;
    for (auto frame = frames_.allocate(); frame; frame = frames_.allocate()) {
      all.insert(frame->address().value() / kPageSize);
      (void)frame->leak();
    }
    unsigned order = 0;
    while (has_block(all, order + 1)) ++order;
    require(now.largest_free_run == std::uint64_t{1} << order, "the largest free block has ",
            now.largest_free_run, " frames and could have ", std::uint64_t{1} << order);
    for (const std::uint64_t number : all) {
      Frame::adopt(frames_, PhysicalAddress(number * kPageSize)).reset();
    }
  }

 private:
  struct Single {
    Frame frame;
    std::uint64_t number;
  };
  struct Run {
    FrameRun run;
    std::uint64_t first;
  };
  struct List {
    explicit List(FrameAllocator& frames) : list(frames) {}
    FrameList list;
    std::vector<std::uint64_t> numbers;
  };
  struct Object {
    void* memory;
    std::size_t size;
    std::size_t usable;
    std::uint64_t tag;
    bool large;
  };

  static std::vector<PhysicalRange> ram() {
    return {PhysicalRange(PhysicalAddress(kRam * kPageSize), 512 * kPageSize),
            PhysicalRange(PhysicalAddress((kRam + 517) * kPageSize), 340 * kPageSize),
            kFree[2].range()};
  }
  static bool in_ram(std::uint64_t number) {
    const auto inside = [number](const Stretch& stretch) {
      return number - stretch.first < stretch.count;
    };
    return inside(kLater) || std::any_of(kFree.begin(), kFree.end(), inside);
  }
  static bool has_block(const std::set<std::uint64_t>& frames, unsigned order) {
    const std::uint64_t size = std::uint64_t{1} << order;
    std::uint64_t length = 0;
    std::uint64_t before = 0;
    for (const std::uint64_t number : frames) {
      if (length > 0 && number != before + 1) length = 0;
      // A block begins where it is aligned only.
      if (length > 0 || number % size == 0) ++length;
      if (length == size) return true;
      before = number;
    }
    return false;
  }

  /// A frame gets its only owner.
  void take(std::uint64_t number) {
    require(in_ram(number), "handed out a hole: ", number);
    require(vacant_.erase(number) == 1, "handed out twice: ", number);
    owners_[number] = 1;
  }
  void give(std::uint64_t number) {
    owners_.erase(number);
    vacant_.insert(number);
  }
  std::uint64_t heap_frames() { return heap_.statistics().frames; }
  /// Frames that can be had.
  std::uint64_t available() { return vacant_.size() - heap_frames(); }

  Step apply_in(const Operation& operation, Picker& pick, std::uint64_t held) {
    switch (operation.kind) {
      case kAllocate:
      case kZeroed:
        return allocate(operation);
      case kRun:
        return allocate_run(pick);
      case kShare:
        return share(pick);
      case kRelease:
        return release(pick);
      case kReleaseRun:
        return release_run(pick);
      case kPush:
        return push(pick);
      case kReleaseList: {
        List& list = *lists_[pick.below(lists_.size())];
        const bool some = !list.numbers.empty();
        list.list.release_all();
        for (const std::uint64_t number : list.numbers) give(number);
        list.numbers.clear();
        return {some ? 0U : 1U, some};
      }
      case kDrain: {
        frames_.drain_caches();
        require(frames_.statistics().cached == 0, "caches keep frames after they were drained");
        return {0, false};
      }
      case kHeapAllocate:
        return allocate_object(operation, pick);
      case kHeapFree: {
        if (pick.one_in(7)) {
          heap_.deallocate(nullptr);
          return {2, false};
        }
        if (objects_.empty()) return {};
        const std::size_t i = pick.below(objects_.size());
        const bool large = objects_[i].large;
        free_object(i);
        return {large ? 1U : 0U, true};
      }
      case kHeapTrim: {
        const std::uint64_t before = heap_.statistics().empty_frames;
        heap_.trim();
        require(heap_.statistics().empty_frames == 0, "the heap keeps empty slabs after a trim");
        return {0, before != 0};
      }
      case kReturn:
        if (later_.empty()) return {};
        give_back_later(1 + pick.below(3));
        return {0, true};
      case kAdopt: {
        if (singles_.empty()) return {};
        Single& single = singles_[pick.below(singles_.size())];
        const PhysicalAddress address = single.frame.leak();
        require(!single.frame, "a handle owns what was leaked");
        single.frame = Frame::adopt(frames_, address);
        return {0, false};
      }
      default:
        (void)held;
        return {};
    }
  }

  Step share(Picker& pick) {
    if (singles_.empty()) return {};
    const Single& single = singles_[pick.below(singles_.size())];
    Frame other = single.frame.share();
    require(other.address() == single.frame.address(), "a shared frame is another one");
    ++owners_[single.number];
    singles_.push_back({std::move(other), single.number});
    return {0, true};
  }

  Step release(Picker& pick) {
    if (singles_.empty()) return {};
    const std::size_t i = pick.below(singles_.size());
    Single single = std::move(singles_[i]);
    singles_.erase(singles_.begin() + static_cast<std::ptrdiff_t>(i));
    require(holds(single.frame.data(), kPageSize, single.number), "frame ", single.number,
            " is not what was written");
    single.frame.reset();
    require(!single.frame, "an empty handle owns something");
    if (--owners_.at(single.number) > 0) return {0, true};
    give(single.number);
    return {1, true};
  }

  Step release_run(Picker& pick) {
    if (runs_.empty()) return {};
    const std::size_t i = pick.below(runs_.size());
    Run run = std::move(runs_[i]);
    runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(i));
    const std::uint64_t count = run.run.count();
    require(holds(run.run.data(), count * kPageSize, run.first), "the run at ", run.first,
            " is not what was written");
    run.run.reset();
    for (std::uint64_t n = 0; n < count; ++n) give(run.first + n);
    return {0, true};
  }

  Step push(Picker& pick) {
    const auto found = std::find_if(singles_.begin(), singles_.end(),
                                    [&](const Single& one) { return owners_.at(one.number) == 1; });
    if (found == singles_.end()) return {};
    List& list = *lists_[pick.below(lists_.size())];
    list.numbers.push_back(found->number);
    list.list.push(std::move(found->frame));
    singles_.erase(found);
    return {0, true};
  }

  Step allocate(const Operation& operation) {
    const FrameUse use = operation.operands[1] % 2 == 0 ? FrameUse::kKernel : FrameUse::kGuest;
    const bool zeroed = operation.kind == kZeroed;
    const std::uint64_t reserve = use == FrameUse::kGuest ? kGuestReserve : 0;
    const bool expected = available() > reserve;
    auto frame = zeroed ? frames_.allocate_zeroed(use) : frames_.allocate(use);
    require(frame.has_value() == expected, "a frame is ", expected ? "refused" : "handed out",
            " with ", available(), " left");
    if (!frame) {
      require(frame.error() == AllocError::kOutOfMemory, "the wrong error for a frame");
      return {1, false};
    }
    const std::uint64_t number = frame->address().value() / kPageSize;
    require(frame->address().value() % kPageSize == 0, "a frame that is not aligned");
    take(number);
    if (zeroed) {
      const auto* words = static_cast<const std::uint64_t*>(frame->data());
      require(std::all_of(words, words + kPageSize / 8, [](std::uint64_t w) { return w == 0; }),
              "a zeroed frame is not zero: ", number);
    }
    require(frame->is_unique(), "a fresh frame is shared");
    fill(frame->data(), kPageSize, number);
    singles_.push_back({std::move(*frame), number});
    return {0, true};
  }

  Step allocate_run(Picker& pick) {
    std::uint64_t count = 1 + pick.below(pick.one_in(4) ? 260 : 20);
    std::uint64_t alignment = std::uint64_t{1} << pick.below(pick.one_in(4) ? 9 : 4);
    bool valid = true;
    if (pick.one_in(8)) {
      valid = false;
      switch (pick.below(4)) {
        case 0:
          count = 0;
          break;
        case 1:
          alignment = 3 + 2 * pick.below(100);
          break;
        case 2:
          count = (std::uint64_t{1} << FrameAllocator::kMaxOrder) + 1 + pick.below(1 << 20);
          break;
        default:
          alignment = std::uint64_t{1} << (FrameAllocator::kMaxOrder + 1 + pick.below(40));
      }
      if (pick.one_in(8)) count = ~std::uint64_t{0};
      if (pick.one_in(8)) alignment = 0;
    }
    auto run = frames_.allocate_run(count, alignment);
    if (!valid) {
      require(!run && run.error() == AllocError::kInvalid, "an invalid run of ", count,
              " frames, aligned to ", alignment);
      return {2, false};
    }
    const auto order =
        static_cast<unsigned>(std::countr_zero(std::bit_ceil(std::max(count, alignment))));
    if (!run) {
      require(run.error() == AllocError::kOutOfMemory, "the wrong error for a run");
      // It drained the caches first, so whatever can be whole is.
      const std::uint64_t largest = frames_.statistics().largest_free_run;
      require(largest < std::uint64_t{1} << order, "a run of ", count, " is refused with ", largest,
              " free in a row");
      return {1, false};
    }
    // The heap's frames are the only ones whose numbers the model does not know.
    require(has_block(vacant_, order), "a run of ", count, " frames, aligned to ", alignment,
            ", where there is no room");
    require(run->count() == count, "a run of another length");
    const std::uint64_t first = run->start().value() / kPageSize;
    require(first % alignment == 0, "a run that is not aligned to ", alignment, ": ", first);
    for (std::uint64_t i = 0; i < count; ++i) take(first + i);
    fill(run->data(), count * kPageSize, first);
    runs_.push_back({std::move(*run), first});
    return {0, true};
  }

  Step allocate_object(const Operation& operation, Picker& pick) {
    const bool large = pick.one_in(6);
    // Around the classes' edges as often as anywhere.
    std::size_t size =
        large ? Heap::kMaxSmall + 1 + pick.below(4 * kPageSize) : pick.below(Heap::kMaxSmall + 1);
    if (!large && pick.one_in(2)) size = std::size_t{16} << pick.below(8);
    std::size_t alignment = Heap::kMinAlignment;
    if (pick.one_in(4)) alignment = std::size_t{1} << pick.below(large ? 15 : 12);
    const std::uint64_t before = heap_frames();
    void* memory = heap_.allocate(size, alignment);
    if (memory == nullptr) {
      require(heap_frames() == before, "an object is refused, and the heap has grown");
      if (operation.frames == kPlenty) {
        // Runs can be refused for want of a row, small objects only when nothing is left.
        require(large || alignment > Heap::kMaxSmall || size > Heap::kMaxSmall || available() == 0,
                "an object of ", size, " bytes is refused with ", available(), " frames left");
      }
      return {2, false};
    }
    const std::size_t usable = heap_.usable_size(memory);
    require(usable >= size && usable > 0, "an object smaller than it was asked for");
    // The emulated memory lies anywhere; alignment is what it is in the physical map of a machine.
    const std::uint64_t physical = machine_.phys_map().physical(memory).value();
    require(physical % std::max(alignment, Heap::kMinAlignment) == 0,
            "an object that is not aligned to ", alignment);
    for (std::uint64_t at = physical / kPageSize; at <= (physical + usable - 1) / kPageSize; ++at) {
      require(vacant_.count(at) == 1, "an object in a frame with another owner: ", at);
    }
    const auto [where, fresh] = extents_.emplace(physical, physical + usable);
    require(fresh, "two objects in one place");
    const auto next = std::next(where);
    require(next == extents_.end() || next->first >= where->second, "objects overlap");
    require(where == extents_.begin() || std::prev(where)->second <= where->first,
            "objects overlap");
    const bool is_large = usable % kPageSize == 0;
    objects_.push_back({memory, usable, usable, next_tag_ += 0x10000, is_large});
    fill(memory, usable, objects_.back().tag);
    return {is_large ? 1U : 0U, true};
  }

  void free_object(std::size_t i) {
    const Object object = objects_[i];
    objects_.erase(objects_.begin() + static_cast<std::ptrdiff_t>(i));
    require(holds(object.memory, object.size, object.tag), "an object is not what was written");
    extents_.erase(machine_.phys_map().physical(object.memory).value());
    heap_.deallocate(object.memory);
  }

  void give_back_later(std::uint64_t count) {
    for (; count > 0 && !later_.empty(); --count) {
      const std::uint64_t number = *later_.begin();
      frames_.release_range(Stretch{number, 1}.range());
      later_.erase(later_.begin());
      vacant_.insert(number);
    }
  }

  arch::mock::Machine machine_;
  FrameAllocator frames_;
  Heap heap_;
  std::uint64_t managed_ = 0;
  std::uint64_t next_tag_ = 0;

  // The model: every managed frame is vacant (or the heap's), comes later, or has owners.
  std::set<std::uint64_t> vacant_;
  std::set<std::uint64_t> later_;
  std::map<std::uint64_t, unsigned> owners_;
  std::vector<Single> singles_;
  std::vector<Run> runs_;
  std::vector<std::unique_ptr<List>> lists_;
  std::vector<Object> objects_;
  std::map<std::uint64_t, std::uint64_t> extents_;  // of objects, physical
};

}  // namespace

const SystemInfo& frames_system() {
  static const SystemInfo info{"frames",
                               kKinds,
                               kUntranslated,
                               [](unsigned, unsigned harts) -> std::unique_ptr<System> {
                                 return std::make_unique<FramesSystem>(harts);
                               },
                               10,
                               800};
  return info;
}

}  // namespace quoll::model
