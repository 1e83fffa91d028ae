// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "spaces_system.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "failing_objects.hpp"
#include "scarcity.hpp"

namespace quoll::model::spaces {

using mem::Access;
using mem::kPageSize;
using mem::Permissions;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualAddress;
using mem::VirtualRange;
using vm::AddressSpace;
using vm::Backing;
using vm::FaultOutcome;

namespace {

constexpr std::uint64_t kContent = 5 * kPageSize + 0x800;
constexpr std::uint64_t kBehindAt = 0x900;  // behind the content of the last page of a VMO
/// Of a machine with one to four harts. With one bit there is one ASID: each switch from space to
/// space begins a generation.
constexpr std::array<unsigned, 4> kAsidBits{1, 0, 1, 16};

}  // namespace

SpacesSystem::SpacesSystem(unsigned bits, unsigned harts)
    : bits_(bits),
      format_(static_cast<riscv::PagingMode>((bits - 39) / 9 + 8)),
      machine_({PhysicalRange(PhysicalAddress(kRam), kFrames * kPageSize)}, harts,
               kAsidBits[harts - 1]) {
  const std::array free{PhysicalRange(PhysicalAddress(kRam), kFrames * kPageSize)};
  require(frames_.init(machine_.phys_map(), free).has_value(), "init refuses");
  root_ = std::move(*frames_.allocate_zeroed());
  below_ = std::move(*frames_.allocate_zeroed());
  static_cast<std::uint64_t*>(root_.data())[256] = below_.address().value() >> 12 << 10 | spec::kV;
  const VirtualRange window(format_.kernel_half().start(), 64 * kPageSize);
  kernel_.emplace(format_, root_.address(), window, frames_);
  for (unsigned hart = 0; hart < harts; ++hart) {
    const arch::mock::AsHart as(hart);
    arch::Mmu::set_root(format_, root_.address());
  }
  const std::uint64_t vmo_bytes = kVmoPages * kPageSize;
  vmo_owner_ = *vm::Vmo::create(frames_, vmo_bytes, Permissions::read_write());
  std::memset(vmo_owner_->data(), 0x77, vmo_bytes);
  vmo_ = *vm::Vmo::create_wired(vmo_owner_->range(), kContent, Permissions::read_write());
  for (std::uint64_t p = 0; p < kVmoPages; ++p) vmo_value(p) = 1000 + p;
  before_ = frames_.statistics().allocated;
  for (auto& space : spaces_) {
    space = std::move(*AddressSpace::create(*kernel_, {.committed_pages = kLimit}));
  }
  const VirtualRange bounds = spaces_[0]->bounds();
  bases_ = {bounds.start().value() >> 12, 500, 512 * 512 - 8, (bounds.end().value() >> 12) - 20};
}

Step SpacesSystem::apply(const Operation& operation) {
  random_.seed(operation.operands[0]);
  const auto which = static_cast<std::size_t>(operation.operands[1] % 2);
  AddressSpace& space = *spaces_[which];
  SpaceModel& model = models_[which];
  if (operation.kind == kActivate) {
    const bool changes = !space.is_active();
    space.activate();
    require(space.is_active(), "activated, and not active");
    return {0, changes};
  }
  if (operation.kind == kLeave) {
    const bool changes = spaces_[0]->is_active() || spaces_[1]->is_active();
    kernel_->activate();
    require(!spaces_[0]->is_active() && !spaces_[1]->is_active(), "left, and still active");
    return {0, changes};
  }
  if (operation.kind == kTouch) space.activate();
  std::optional<Scarcity> scarcity;
  std::optional<ObjectAllowance> objects;
  if (operation.frames != kPlenty) scarcity.emplace(frames_, operation.frames);
  if (operation.objects != kPlenty) objects.emplace(operation.objects);
  scarce_ = operation.is_scarce();
  if (operation.kind == kTouch) return touch(space, model);
  return change(operation.kind, space, model);
}

std::uint64_t& SpacesSystem::vmo_value(std::uint64_t page) {
  return *machine_.phys_map().pointer<std::uint64_t>(vmo_owner_->range().start() +
                                                     page * kPageSize + kValueAt);
}

std::uint64_t SpacesSystem::any_page(const SpaceModel& model) {
  if (model.pages.empty() || pick(6) == 0) return bases_[pick(4)] + pick(16);
  auto found = model.pages.begin();
  std::advance(found, static_cast<std::ptrdiff_t>(pick(model.pages.size())));
  // Guards are few, and refuse by rules of their own.
  const auto is_guard = [](const auto& page) { return page.second.backing == Backing::kGuard; };
  if (pick(8) == 0) {
    const auto guard = std::find_if(found, model.pages.end(), is_guard);
    if (guard != model.pages.end()) return guard->first;
  }
  return found->first;
}

/// Handles a fault as the model's page, or none, says that it ends; nothing when it is resolved.
std::optional<Step> SpacesSystem::fault(AddressSpace& space, const Page* page, VirtualAddress at,
                                        Access access) {
  const FaultOutcome outcome = space.handle_fault(at, access);
  if (outcome == FaultOutcome::kOutOfMemory && scarce_) return Step{3, false};
  FaultOutcome expected = FaultOutcome::kResolved;
  if (page == nullptr) {
    expected = FaultOutcome::kNotMapped;
  } else if (page->backing == Backing::kGuard) {
    expected = FaultOutcome::kGuard;
  } else if (!page->permissions.allows(access)) {
    expected = FaultOutcome::kDenied;
  }
  require(outcome == expected, "touch: the fault has another outcome");
  switch (outcome) {
    case FaultOutcome::kResolved:
      return std::nullopt;
    case FaultOutcome::kNotMapped:
      return Step{1, false};
    case FaultOutcome::kGuard:
      return Step{4, false};
    default:
      return Step{2, false};
  }
}

Step SpacesSystem::touch(AddressSpace& space, SpaceModel& model) {
  const std::uint64_t number = any_page(model);
  const std::array accesses{Access::kRead, Access::kWrite, Access::kExecute};
  const Access access = accesses[pick(3)];
  const VirtualAddress at((number << 12) + kValueAt);
  const unsigned hart = arch::Harts::id();
  const auto found = model.pages.find(number);
  const bool allowed = found != model.pages.end() && found->second.permissions.allows(access);
  auto physical = machine_.translate(hart, at, access);
  for (int tries = 0; !physical && tries < 2; ++tries) {
    const Page* const page = found == model.pages.end() ? nullptr : &found->second;
    if (const auto ended = fault(space, page, at, access)) return *ended;
    physical = machine_.translate(hart, at, access);
  }
  require(physical.has_value(), "touch: it faults again and again");
  require(allowed, "touch: it should fault");
  Page& page = found->second;
  bool changed = false;
  if (page.backing == Backing::kAnonymous) {
    changed = !page.own;
    page.own = true;
  }
  const bool partial = page.vmo_page == kVmoPages - 1;
  if (page.backing == Backing::kPrivate && !page.own && (access == Access::kWrite || partial)) {
    page.own = changed = true;
    page.value = vmo_value(page.vmo_page);
  }
  auto* word = machine_.phys_map().pointer<std::uint64_t>(*physical);
  std::uint64_t& expected = page.own ? page.value : vmo_value(page.vmo_page);
  require(*word == expected, "touch: the page holds something else");
  if (page.backing == Backing::kPrivate && page.own && partial) {
    const auto* behind =
        machine_.phys_map().pointer<std::uint64_t>(*physical - kValueAt + kBehindAt);
    require(*behind == 0, "touch: there is something behind the content");
  }
  if (access == Access::kWrite) {
    *word = expected = random_();
    changed = true;
  }
  return {0, changed};
}

}  // namespace quoll::model::spaces

namespace quoll::model {

const SystemInfo& spaces_system() {
  static const SystemInfo info{"spaces",
                               spaces::kinds(),
                               kTranslating,
                               [](unsigned mode, unsigned harts) -> std::unique_ptr<System> {
                                 return std::make_unique<spaces::SpacesSystem>(mode, harts);
                               },
                               20,
                               800};
  return info;
}

}  // namespace quoll::model
