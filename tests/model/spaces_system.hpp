// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Two address spaces on one to four harts against a map of pages: results, what each page holds and
// allows, usage, frames, the raw page tables, and what the harts' translation caches remember.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/riscv/sv.hpp>

#include "spaces_model.hpp"
#include "spec_walker.hpp"

namespace quoll::model::spaces {

inline constexpr std::uint64_t kRam = 0x8000'0000;
inline constexpr std::uint64_t kFrames = 512;
/// Where in each page the model keeps its value.
inline constexpr std::uint64_t kValueAt = 8;

class SpacesSystem : public System {
 public:
  SpacesSystem(unsigned bits, unsigned harts);

  Step apply(const Operation& operation) override;
  void compare() override;
  void finish() override;

 private:
  /// Page numbers of a request, and whether user mode can have them at all.
  struct Request {
    std::uint64_t first;
    std::uint64_t count;
    bool reachable;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  std::uint64_t& vmo_value(std::uint64_t page);
  std::uint64_t any_page(const SpaceModel& model);
  Step touch(vm::AddressSpace& space, SpaceModel& model);
  std::optional<Step> fault(vm::AddressSpace& space, const Page* page, mem::VirtualAddress at,
                            mem::Access access);

  // Requests: spaces_change.cpp.
  Step refused(std::uint32_t kind, vm::SpaceError error, bool expected) const;
  Step change(std::uint32_t kind, vm::AddressSpace& space, SpaceModel& model);
  Step map(std::uint32_t kind, vm::AddressSpace& space, SpaceModel& model, const Request& request,
           mem::Permissions permissions);
  static bool may_allow(std::uint32_t kind, const SpaceModel& model, const Request& request,
                        mem::Permissions permissions);
  Step allow(std::uint32_t kind, vm::AddressSpace& space, SpaceModel& model, const Request& request,
             mem::Permissions permissions);
  Step decommit(vm::AddressSpace& space, SpaceModel& model, const Request& request);
  Step unmap(vm::AddressSpace& space, SpaceModel& model, const Request& request);
  Step make_guard(vm::AddressSpace& space, SpaceModel& model, const Request& request);
  Step release(vm::AddressSpace& space, SpaceModel& model, std::uint64_t first);
  Step bad_request(vm::AddressSpace& space, mem::Permissions permissions);

  // Comparing: spaces_compare.cpp.
  void note_pages_ahead(vm::AddressSpace& space, SpaceModel& model);
  void compare_raw(std::size_t which, std::uint64_t page_tables);
  void compare_pages(const SpaceModel& model, const RawTree& raw);

  const unsigned bits_;
  const riscv::Sv format_;
  arch::mock::Machine machine_;
  vm::FrameAllocator frames_;
  vm::Frame root_;
  vm::Frame below_;
  std::optional<vm::KernelSpace> kernel_;
  std::mt19937_64 random_;
  bool scarce_ = false;
  vm::VmoRef vmo_owner_;
  vm::VmoRef vmo_;
  std::uint64_t before_ = 0;
  std::array<std::unique_ptr<vm::AddressSpace>, 2> spaces_;
  std::array<SpaceModel, 2> models_;
  std::vector<std::uint64_t> bases_;
  std::uint64_t last_mapping_ = 0;
};

}  // namespace quoll::model::spaces
