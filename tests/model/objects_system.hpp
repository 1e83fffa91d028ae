// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory objects, mapped in two address spaces on one to four harts, against maps of pages.
//
// objects_change.cpp: objects as their owners change them. objects_content.cpp: reading, writing,
// committing. objects_requests.cpp: providers and who waits for them. objects_map.cpp: mappings.
// objects_touch.cpp: faults and copies. objects_refuse.cpp: bad requests. objects_compare.cpp:
// comparing all of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/riscv/sv.hpp>

#include "objects_kinds.hpp"
#include "objects_world.hpp"
#include "spec_walker.hpp"

namespace quoll::model::objects {

inline constexpr std::uint64_t kRam = 0x8000'0000;
inline constexpr std::uint64_t kFrames = 2048;
inline constexpr std::size_t kSlots = 6;
inline constexpr std::size_t kWaiters = 2;
/// Where the words are in a page that the model knows.
inline constexpr std::uint64_t kTailAt = mem::kPageSize - 8;

/// What a space may use; page tables depend on the mode.
inline constexpr std::uint64_t kMostCommitted = 20;
inline constexpr std::uint64_t kMostRegions = 8;
inline constexpr std::uint64_t kMostReserved = 64 * mem::kPageSize;

class ObjectsSystem : public System {
 public:
  ObjectsSystem(unsigned bits, unsigned harts);
  ~ObjectsSystem() override;

  Step apply(const Operation& operation) override;
  void compare() override;
  void finish() override;

 private:
  using Error = std::optional<vm::SpaceError>;
  /// An object that somebody outside of the spaces has.
  struct Slot {
    ObjectRef model;
    vm::PagedVmoRef object;
  };
  /// Pages of an object, or of a space.
  struct Pages {
    std::uint64_t first;
    std::uint64_t count;
    std::uint64_t end() const { return first + count; }
    std::uint64_t offset() const { return first * mem::kPageSize; }
    std::uint64_t bytes() const { return count * mem::kPageSize; }
    mem::VirtualRange addresses() const { return {mem::VirtualAddress(offset()), bytes()}; }
  };
  struct Waiter : vm::PageWaiter {
    Waiter() {
      complete = [](vm::PageWaiter& self) { ++static_cast<Waiter&>(self).calls; };
    }
    unsigned calls = 0;
  };
  /// Somebody who waits for a page, or has.
  struct Waiting {
    Waiter waiter;
    vm::PageRequestRef request;
    ObjectModel* object = nullptr;  ///< while the request is pending
    std::uint64_t page = 0;
    vm::PageRequestState expected = vm::PageRequestState::kPending;
  };

  // Operations.
  Step dispatch(std::uint32_t kind);
  Step create();
  Error add_object(Slot& slot, std::uint64_t kind, std::uint64_t size, mem::Permissions most);
  Step clone(Slot& slot);
  Error add_clone(Slot& slot, const Slot& of, mem::Permissions most);
  void prepare_sharing();
  static bool shares_nodes(const ObjectModel& object);
  Step drop(Slot& slot);
  Step resize(Slot& slot);
  Step seal(Slot& slot);
  Step commit(Slot& slot);
  Step decommit(Slot& slot);
  Step read(Slot& slot);
  Step write(Slot& slot);
  Step supply(Slot& slot);
  Step fail(Slot& slot);
  void prepare_request(bool is_to_be_late);
  Step tell();
  Step wait(Slot& slot);
  Step activate();
  Step leave();
  std::uint64_t page_to_touch();
  Step touch();
  Step populate();
  Step copy();
  Step map();
  Step unmap();
  Step release();
  Step protect();
  Step end();
  Step bad_object(Slot& slot);
  Step bad_space(Slot* slot);

  // Choosing.
  /// The first object, from one that is drawn, that is as it should be; null when none is.
  template <typename F>
  Slot* find_slot(F&& is_right) {
    const std::uint64_t first = which_.below(kSlots);
    for (std::uint64_t i = 0; i < kSlots; ++i) {
      Slot& slot = slots_[(first + i) % kSlots];
      if (slot.object && is_right(*slot.model)) return &slot;
    }
    return nullptr;
  }
  Slot* any_slot();
  Slot* slot_for(std::uint32_t kind);
  static std::optional<std::uint64_t> otherwise_answered(const ObjectModel& object);
  std::optional<std::uint64_t> later_page(const ObjectModel& object);
  std::uint64_t asked_page(const ObjectModel& object);
  std::uint64_t requested_page(const ObjectModel& object);
  Pages object_pages(const ObjectModel& object, std::uint64_t most);
  std::uint64_t object_page(const ObjectModel& object);
  Pages space_pages(std::uint64_t most);
  Pages pages_to_cut(std::uint64_t most);
  std::uint64_t any_size();
  mem::Permissions any_permissions();
  std::uint64_t new_value() { return ++last_value_; }

  // Judging.
  /// Nothing, when an operation was done as it should; the step, when it was refused.
  std::optional<Step> refused(std::uint32_t kind, Error error, Error expected) const;
  template <typename Result>
  static Error error_of(const Result& result) {
    return result ? Error() : Error(result.error());
  }
  Step fault_step(std::uint32_t kind, vm::FaultOutcome outcome, bool changed) const;
  void learn_frames();
  void reconcile(ObjectModel& object, std::uint64_t page);
  void note_ahead(std::uint64_t number);
  void reconcile_fault(std::uint64_t number);
  void complete(const ObjectModel& object, std::uint64_t first, std::uint64_t end,
                vm::PageRequestState state);
  void retire();
  void judge_fault(vm::FaultOutcome outcome, std::uint64_t number, mem::Access access);
  Error may_map(const Pages& pages, std::optional<std::uint64_t> alignment,
                vm::Backing backing) const;
  Error may_cut(const Pages& pages) const;
  Error may_protect(const Pages& pages, mem::Permissions wanted, bool one_mapping) const;
  std::optional<vm::CopyError> expect_copy(const Pages& pages, mem::Access access,
                                           std::uint64_t first_word);
  std::uint64_t lowest_place(std::uint64_t count) const;
  bool is_right_place(std::uint64_t start, const Pages& pages,
                      std::optional<std::uint64_t> alignment) const;
  std::uint64_t* word(std::uint64_t frame_address, bool tail) const {
    return machine_.phys_map().pointer<std::uint64_t>(
        mem::PhysicalAddress(frame_address + (tail ? kTailAt : 0)));
  }
  SpaceModel& model() { return world_.spaces[space_]; }
  const SpaceModel& model() const { return world_.spaces[space_]; }
  vm::AddressSpace& space() { return *spaces_[space_]; }

  // Comparing.
  void compare_object(const ObjectModel& object);
  void compare_space(std::size_t which);
  void compare_leaf(const PageModel& page, const RawLeaf& leaf);
  void compare_waiters() const;
  void note_frame(FrameModel& frame, std::uint64_t address);

  const unsigned levels_;
  const unsigned bits_;
  const riscv::Sv format_;
  arch::mock::Machine machine_;
  vm::FrameAllocator frames_;
  vm::Frame root_;
  vm::Frame below_;
  std::optional<vm::KernelSpace> kernel_;
  vm::SpaceLimits limits_;
  vm::VmoRef registers_;
  std::uint64_t before_ = 0;
  std::uint64_t nodes_before_ = 0;
  World world_;
  std::array<std::unique_ptr<vm::AddressSpace>, kSpaces> spaces_;
  std::array<Slot, kSlots> slots_;
  std::array<std::unique_ptr<Waiting>, kWaiters> waiters_;
  std::array<std::uint64_t, 4> bases_{};
  std::uint64_t last_value_ = 0;
  std::uint64_t last_mapping_ = 0;

  // Of the operation that is being made.
  bool scarce_ = false;
  vm::Frame offered_;  // by a provider
  std::size_t space_ = 0;
  Picker which_{0};
  Picker where_{0};
  Picker how_{0};
  Picker more_{0};

  // Of the comparison that is being made: what is in each frame, and how many are.
  std::array<const FrameModel*, kFrames> seen_{};
  std::uint64_t seen_count_ = 0;
};

}  // namespace quoll::model::objects
