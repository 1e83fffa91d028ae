// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Guest: one running program, with an address space, a handle table and a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <quoll/arch/user_context.hpp>
#include <quoll/async/cancel.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/intrusive/list.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/guest/end.hpp>
#include <quoll/kernel/guest/file_object.hpp>
#include <quoll/kernel/guest/handle_table.hpp>
#include <quoll/kernel/guest/run_time.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::guest {

/// Where a guest's faults go, as it asked with `fault_upcall`.
struct FaultUpcall {
  std::uint64_t handler = 0;  ///< 0: none
  std::uint64_t stack_top = 0;
  bool running = false;  ///< the handler was entered and `fault_return` has not come yet
};

/// One guest. Its memory and handles go when it ends, the object when the last reference goes.
///
/// *Locking*: what is not atomic belongs to the guest's own task, and to `start` before there is
/// one.
class Guest : public intrusive::RefCounted<Guest>, public intrusive::ListNode<> {
 public:
  static constexpr std::size_t kMaxName = 63;

  Guest(std::string_view name, std::uint64_t id, std::unique_ptr<vm::AddressSpace> space,
        std::uint64_t memory_limit);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  /// What the log and `ps` call it.
  std::string_view name() const noexcept { return {name_.data(), name_size_}; }
  /// Counts up from 1; no two guests of one boot share it.
  std::uint64_t id() const noexcept { return id_; }

  vm::AddressSpace& space() noexcept { return *space_; }
  /// Bytes that it may have committed at once.
  std::uint64_t memory_limit() const noexcept { return memory_limit_; }
  /// How its linear memories get their addresses: guarded where the mode has room for thousands of
  /// such reservations. (Sv39 has it for thirty.)
  abi::MemoryPlan memory_plan() const noexcept { return memory_plan_; }
  /// Where its own mappings go: anywhere around what it found when it started, so that they share
  /// page tables. Small ones begin in the same GiB.
  vm::Placement placement(std::uint64_t bytes) const noexcept {
    return vm::Placement::near(home_, bytes < kLarge ? kVicinity : kNeighbourhood);
  }
  /// Chooses both, once it has its first mappings.
  void settle(mem::VirtualAddress home) noexcept;
  /// Keeps the module's pages for as long as the guest runs.
  void set_module(FileUse module) noexcept { module_ = std::move(module); }
  HandleTable& handles() noexcept { return handles_; }
  arch::UserContext& context() noexcept { return context_; }
  FaultUpcall& upcall() noexcept { return upcall_; }

  /// The page that the guest waits for, or null: it may have come by now.
  vm::PageRequestRef awaited_page() noexcept { return std::move(awaited_page_); }
  void await_page(vm::PageRequestRef page) noexcept { awaited_page_ = std::move(page); }

  /// Where the kernel's own line about the guest's end goes; null: nowhere.
  device::ByteStream* error_stream() const noexcept { return error_stream_; }
  void set_error_stream(device::ByteStream* stream) noexcept { error_stream_ = stream; }

  /// Ends the guest from outside. A call that waits does not return to it; user mode is left at
  /// once, on whatever hart. *Context*: task.
  void kill() noexcept;
  /// Whether `kill` was called.
  bool killed() const noexcept { return kill_.cancelled(); }
  /// Ends all waits of the guest when it is killed.
  async::CancelToken kill_token() noexcept { return kill_; }

  /// Notes that the guest is about to run on `hart`; `leaves_hart` undoes it.
  void enters_hart(unsigned hart, std::uint64_t now) noexcept {
    run_time_.start(now);
    running_on_.store(hart + 1);
    // Before it looks whether it was killed: see `kill`.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!ran_on_.load().contains(hart)) ran_on_.add(hart);
  }
  void leaves_hart(std::uint64_t now) noexcept {
    running_on_.store(0);
    run_time_.stop(now);
  }
  /// The hart that runs it just now, if one does. *Context*: any.
  std::optional<unsigned> running_on() const noexcept {
    const std::uint32_t hart = running_on_.load(std::memory_order_relaxed);
    return hart != 0 ? std::optional(hart - 1) : std::nullopt;
  }
  /// For how long harts have run it: user mode, and what the kernel did for it without waiting.
  const RunTime& run_time() const noexcept { return run_time_; }
  /// All harts that ever ran it.
  sync::HartSet ran_on() const noexcept { return ran_on_.load(); }

  /// Gives memory and handles back, and wakes who waits for the end. *Context*: its own task.
  void finish(const GuestEnd& end) noexcept;
  /// Set when the guest has ended and given everything back.
  async::Event& ended() noexcept { return ended_; }
  /// *Requires*: `ended()` is set.
  const GuestEnd& end() const noexcept { return end_; }

 private:
  friend class intrusive::RefCounted<Guest>;
  ~Guest() = default;

  std::atomic<std::uint32_t> running_on_{0};  ///< a hart plus one; 0: in no hart's user mode
  RunTime run_time_;
  sync::AtomicHartSet ran_on_;
  async::CancelSource kill_;
  async::Event ended_;
  GuestEnd end_;

  /// 2^27 pages, as many as a space of Sv39 has: 512 GiB, what one page table of the level below
  /// Sv48's root reaches.
  static constexpr std::uint64_t kNeighbourhood = std::uint64_t{1} << 39;
  /// What one page table reaches that has tables of pages.
  static constexpr std::uint64_t kVicinity = std::uint64_t{1} << 30;
  /// Linear memories, which untrusted code computes addresses in, are not to lie where their
  /// guest's other data would be found soon.
  static constexpr std::uint64_t kLarge = std::uint64_t{1} << 32;

  FileUse module_;  // outlives the space, which maps it
  std::unique_ptr<vm::AddressSpace> space_;
  mem::VirtualAddress home_;
  abi::MemoryPlan memory_plan_ = abi::MemoryPlan::kChecked;
  HandleTable handles_;
  FaultUpcall upcall_;
  vm::PageRequestRef awaited_page_;
  device::ByteStream* error_stream_ = nullptr;
  std::uint64_t id_;
  std::uint64_t memory_limit_;
  std::array<char, kMaxName> name_{};
  std::size_t name_size_ = 0;
  arch::UserContext context_;
};

using GuestRef = intrusive::RefPtr<Guest>;

}  // namespace quoll::guest
