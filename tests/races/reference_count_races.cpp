// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Owners of one frame that share, drop and write in place. `ReferenceCount` is the kernel's own;
// around it is what `Frame` does with its answers, the quick way of a sole owner included.
#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/reference_count.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

using vm::Dropped;

enum Kind : unsigned { kCount, kHandOver };

using Word = Atomic<std::uint32_t, kCount>;
struct WordRef {
  Word* word;
  auto load(std::memory_order order, Where where = Where::current()) const {
    return word->load(order, where);
  }
  bool compare_exchange_weak(std::uint32_t& expected, std::uint32_t value, std::memory_order order,
                             Where where = Where::current()) const {
    return word->compare_exchange_weak(expected, value, order, where);
  }
};
using Count = vm::ReferenceCount<WordRef>;

/// A frame with its word and its bytes.
struct Frame {
  Word word{1};
  Plain<unsigned> bytes{0};
  Plain<bool> is_given_back{false};

  Count count() { return Count(WordRef{&word}); }
  void share() { require(count().share(), "an owner can share"); }
  /// As the allocator does it: first the quick way, which reads the word relaxed.
  void drop() {
    if (word.load(std::memory_order_relaxed) != 1) {
      const Dropped dropped = count().drop();
      require(dropped != Dropped::kBroken, "an owner can drop");
      if (dropped == Dropped::kOthersRemain) return;
    }
    require(!is_given_back, "a frame is given back once");
    is_given_back = true;
    word.store(0, std::memory_order_relaxed);
    bytes = 99;  // whoever gets it next writes to it
  }
  unsigned read() const { return bytes; }
};

/// All threads own the frame, read it and drop it.
struct Droppers : rl::test_suite<Droppers, 3> {
  Frame frame;
  void before() {
    frame.share();
    frame.share();
  }
  void thread(unsigned) {
    require(frame.read() == 0, "nobody writes to a frame that has owners");
    frame.drop();
  }
  void after() {
    require(frame.is_given_back, "the last owner gives the frame back");
    require(!frame.count().share(), "nobody revives a frame");
  }
};

/// One owner shares with a second, by way of a word; a third looks whether it is alone.
struct Sharers : rl::test_suite<Sharers, 3> {
  Frame frame;
  Atomic<unsigned, kHandOver> handed{0};
  void before() { frame.share(); }  // threads 0 and 2
  void thread(unsigned thread) {
    if (thread == 0) {
      frame.share();
      handed.store(1, std::memory_order_release);
      (void)frame.read();
      frame.drop();
    } else if (thread == 1) {
      if (handed.load(std::memory_order_acquire) == 0) return;
      (void)frame.read();
      frame.drop();
    } else {
      if (frame.count().is_unique()) frame.bytes = 7;
      frame.drop();
    }
  }
  void after() {
    // Nobody took the handle that was handed over: it is dropped now.
    if (!frame.is_given_back) frame.drop();
    require(frame.is_given_back, "the last owner gives the frame back");
  }
};

constexpr std::array kControls{
    Control{"drop does not release", kCount, Weakening::kRelease},
    Control{"drop does not acquire", kCount, Weakening::kAcquire},
};
constexpr std::array kSharerControls{
    Control{"drop does not release", kCount, Weakening::kRelease},
    Control{"nothing acquires", kCount, Weakening::kAcquire},
    Control{"a handle is handed over relaxed", kHandOver, Weakening::kOrders},
};
constexpr std::array kModels{
    Model{"droppers", &rl::simulate<Droppers>, 4, 6, 0, kControls},
    Model{"sharers", &rl::simulate<Sharers>, 3, 5, 0, kSharerControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
