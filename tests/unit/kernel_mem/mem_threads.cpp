// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that play harts, under ThreadSanitizer: frames that go from hart to hart, and spaces
// that are entered while pages are taken out of them. Bytes of frames are written plainly by who
// owns them: two owners that nothing orders are a race there. A program of its own, for its rooms
// are built with this sanitizer and no other.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/riscv/sv.hpp>

#include "thread_harts.hpp"

namespace quoll::vm {
namespace {

using arch::mock::AsHart;
using arch::mock::Machine;
using mem::kPageSize;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualAddress;
using mem::VirtualRange;
using test::check;
using test::on_harts;

constexpr unsigned kHarts = 4;
constexpr std::uint64_t kFrames = 512;
const PhysicalRange kRam(PhysicalAddress(0x8000'0000), kFrames* kPageSize);

/// The frame's first word, which its owners use plainly.
std::uint64_t& word_of(const Frame& frame) {
  return *static_cast<std::uint64_t*>(frame.data());
}

/// A place where one hart leaves a frame and another finds it.
struct Mailbox {
  std::atomic<std::uint64_t> address{0};

  void put(FrameAllocator& frames, Frame frame) {
    const std::uint64_t before = address.exchange(frame.leak().value(), std::memory_order_acq_rel);
    if (before != 0) Frame::adopt(frames, PhysicalAddress(before)).reset();
  }
  Frame take(FrameAllocator& frames) {
    const std::uint64_t found = address.exchange(0, std::memory_order_acq_rel);
    return found == 0 ? Frame() : Frame::adopt(frames, PhysicalAddress(found));
  }
};

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a list of things to do
void use_frames(FrameAllocator& frames, std::array<Mailbox, 3>& boxes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Frame> mine;
  for (unsigned step = 0; step < 10000; ++step) {
    switch (random() % 10) {
      case 0:
      case 1:
      case 2: {
        auto frame = frames.allocate();
        if (!frame) break;
        check(frame->is_unique(), "a new frame has one owner");
        word_of(*frame) = step;
        mine.push_back(std::move(*frame));
        break;
      }
      case 3:
        if (!mine.empty()) mine.pop_back();
        break;
      case 4:
        if (!mine.empty()) boxes[random() % boxes.size()].put(frames, mine.back().share());
        break;
      case 5: {
        const Frame found = boxes[random() % boxes.size()].take(frames);
        if (!found) break;
        // With others: to read. Alone: to write.
        if (found.is_unique()) {
          word_of(found) = step;
        } else {
          (void)word_of(found);
        }
        break;
      }
      case 6:
        if (!mine.empty() && mine.back().is_unique()) word_of(mine.back()) = step;
        break;
      case 7: {
        const auto run = frames.allocate_run(1 + random() % 8);
        if (run) *static_cast<std::uint64_t*>(run->data()) = step;
        break;
      }
      case 8:
        if (random() % 16 == 0) frames.drain_caches();
        (void)frames.available_frames();
        break;
      default:
        if (mine.size() > 100) mine.clear();
    }
  }
}

void share_frames(std::uint32_t seed) {
  const Machine machine({kRam}, kHarts);
  FrameAllocator frames;
  const std::array free{kRam};
  check(frames.init(machine.phys_map(), free).has_value(), "memory is taken over");
  const FrameStatistics before = frames.statistics();
  std::array<Mailbox, 3> boxes;
  on_harts(0, kHarts, [&](unsigned hart) { use_frames(frames, boxes, seed + hart); });
  for (Mailbox& box : boxes) box.take(frames).reset();
  frames.drain_caches();
  const FrameStatistics after = frames.statistics();
  check(after.allocated == before.allocated, "every frame came back");
  check(after.largest_free_run == before.largest_free_run, "and the blocks are whole again");
}

/// A kernel of its own for each run.
struct Kernel {
  explicit Kernel(unsigned asid_bits)
      : format(riscv::PagingMode::kSv39), machine({kRam}, kHarts, asid_bits) {
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
  }

  riscv::Sv format;
  Machine machine;
  FrameAllocator frames;
  Frame root;
  Frame below;
  std::optional<KernelSpace> space;
};

void switch_spaces(unsigned asid_bits, std::uint32_t seed) {
  constexpr unsigned kCommits = 300;
  Kernel kernel(asid_bits);
  const std::uint64_t before = kernel.frames.statistics().allocated;
  const VirtualAddress at(0x10'0000);
  {
    std::vector<std::unique_ptr<AddressSpace>> spaces;
    for (unsigned i = 0; i < 4; ++i) {
      spaces.push_back(std::move(*AddressSpace::create(*kernel.space)));
    }
    std::atomic<bool> is_over{false};
    std::thread visitors([&] {
      on_harts(1, kHarts, [&](unsigned hart) {
        std::mt19937 random(seed + hart);
        while (!is_over.load(std::memory_order_relaxed)) {
          AddressSpace& space = *spaces[random() % spaces.size()];
          space.activate();
          (void)kernel.machine.translate(hart, at, mem::Access::kRead);
          // Somebody else's page may be gone by now; what matters is that nobody is disturbed.
          if (random() % 4 == 0) (void)space.handle_fault(at, mem::Access::kRead);
          if (random() % 4 == 0) kernel.space->activate();
        }
        kernel.space->activate();
      });
    });
    {
      const AsHart as(0);
      std::mt19937 random(seed);
      for (unsigned i = 0; i < kCommits; ++i) {
        AddressSpace& space = *spaces[random() % spaces.size()];
        const auto placed =
            space.map_anonymous(Placement::at(at), kPageSize, mem::Permissions::read_write());
        check(placed.has_value(), "a page is mapped");
        check(space.handle_fault(at, mem::Access::kWrite) == FaultOutcome::kResolved, "and filled");
        if (random() % 2 == 0) space.activate();
        check(space.unmap(VirtualRange(at, kPageSize)).has_value(), "and taken out");
      }
      is_over.store(true, std::memory_order_relaxed);
      visitors.join();
      check(kernel.machine.stale_translations() == 0, "no hart keeps what was taken away");
      spaces.clear();
      kernel.space->activate();
    }
  }
  check(kernel.frames.statistics().allocated == before, "every frame came back");
}

/// One hart makes a handler and registers it, the others ask it.
void ask_handlers(unsigned rounds) {
  Kernel kernel(16);
  for (unsigned round = 0; round < rounds; ++round) {
    auto space = std::move(*VmSpace::create(*kernel.space));
    PageFaultHandler handler{};
    std::atomic<unsigned> registered{0};
    on_harts(0, kHarts, [&](unsigned hart) {
      if (hart < 2) {
        static constexpr auto kAnswer = [](void*, VirtualAddress, mem::Access) {
          return FaultOutcome::kResolved;
        };
        // Two try; the one that comes first is taken.
        PageFaultHandler own{kAnswer, nullptr};
        if (hart == 0) {
          handler = own;
          if (space->register_page_fault_handler(handler)) registered.fetch_add(1);
        } else if (space->handle_page_fault(VirtualAddress(0), mem::Access::kRead) ==
                   FaultOutcome::kResolved) {
          check(!space->register_page_fault_handler(own), "there is one handler only");
        }
        return;
      }
      while (space->handle_page_fault(VirtualAddress(0), mem::Access::kRead) !=
             FaultOutcome::kResolved) {
        std::this_thread::yield();
      }
    });
    check(registered.load() == 1, "a handler is registered");
    space->unregister_page_fault_handler();
  }
}

}  // namespace
}  // namespace quoll::vm

int main() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  quoll::vm::share_frames(seed);
  quoll::vm::ask_handlers(50);
  for (const unsigned asid_bits : {0U, 1U, 2U, 16U}) quoll::vm::switch_spaces(asid_bits, seed);
  return 0;
}
