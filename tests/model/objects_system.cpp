// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "objects_system.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <quoll/kernel/mem/vmo/archive_pages.hpp>

#include "failing_objects.hpp"
#include "scarcity.hpp"

namespace quoll::model::objects {

using mem::kPageSize;
using mem::Permissions;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualRange;
using vm::SpaceError;

namespace {

/// Of a machine with one to four harts.
constexpr std::array<unsigned, 4> kAsidBits{16, 1, 0, 1};

std::vector<PhysicalRange> memory() {
  return {PhysicalRange(PhysicalAddress(kRam), kFrames * kPageSize),
          PhysicalRange(PhysicalAddress(kLentAt), kLentPages * kPageSize)};
}

}  // namespace

ObjectsSystem::ObjectsSystem(unsigned bits, unsigned harts)
    : levels_((bits - 12) / 9),
      bits_(bits),
      format_(static_cast<riscv::PagingMode>((bits - 39) / 9 + 8)),
      machine_(memory(), harts, kAsidBits[harts - 1]),
      limits_{.committed_pages = kMostCommitted,
              .page_tables = levels_,
              .regions = kMostRegions,
              .reserved_bytes = kMostReserved},
      world_(levels_, limits_.page_tables) {
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
  for (FrameModel& lent : world_.lent) {
    *word(lent.address, false) = lent.content.head;
    *word(lent.address, true) = lent.content.tail;
  }
  world_.providers.push_back(std::make_unique<ProviderModel>());
  ProviderModel& archive = *world_.providers.back();
  archive.answers.is_archive = true;
  archive.provider = *vm::ArchivePages::create(
      PhysicalRange(PhysicalAddress(kLentAt), (kArchivePages - 1) * kPageSize + kPart));
  using enum Answer;
  for (const auto& told :
       {std::array{kLater, kLent, kZero, kLater, kPart, kNone, kLater, kLater},
        std::array{kLent, kLater, kNone, kZero, kLater, kUnaligned, kLent, kPart}}) {
    world_.providers.push_back(std::make_unique<ProviderModel>());
    ProviderModel& provider = *world_.providers.back();
    provider.answers.told = told;
    provider.told = new ToldPages(provider.answers);
    provider.provider = vm::PageProviderRef::adopt(provider.told);
  }
  registers_ = *vm::Vmo::create_physical(PhysicalRange(PhysicalAddress(0x1000'0000), kPageSize),
                                         paging::CacheMode::kNormal, Permissions::read_write());
  before_ = frames_.statistics().allocated;
  nodes_before_ = vm::PageNode::count();
  for (auto& space : spaces_) space = std::move(*vm::AddressSpace::create(*kernel_, limits_));
  // One object of each kind, so that there is something to begin with.
  for (std::uint64_t kind = 0; kind < 3; ++kind) {
    require(add_object(slots_[kind], kind, 8, Permissions::read_write()) == Error(), "create");
  }
  const VirtualRange bounds = spaces_[0]->bounds();
  bases_ = {bounds.start().value() >> 12, 504, 512 * 512 - 8, (bounds.end().value() >> 12) - 40};
}

ObjectsSystem::~ObjectsSystem() {
  // After a failure anything may be left; what is told is the failure.
  for (auto& space : spaces_) space.reset();
  for (unsigned hart = 0; hart < machine_.hart_count(); ++hart) {
    const arch::mock::AsHart as(hart);
    kernel_->activate();
  }
  for (const auto& waiting : waiters_) {
    if (waiting) (void)waiting->request->withdraw(waiting->waiter);
  }
}

Step ObjectsSystem::apply(const Operation& operation) {
  const auto& operands = operation.operands;
  which_ = Picker(operands[0]);
  where_ = Picker(operands[1]);
  how_ = Picker(operands[2]);
  more_ = Picker(operands[3]);
  space_ = static_cast<std::size_t>(which_.below(kSpaces));
  if (operation.kind == kSupply || operation.kind == kFail || operation.kind == kWait) {
    prepare_request(operation.kind == kSupply);
  }
  const bool clears = operation.kind == kDecommit || operation.kind == kResize;
  if (clears && operation.is_scarce()) prepare_sharing();
  if (operation.kind == kSupply) offered_ = std::move(*frames_.allocate());
  if (operation.is_scarce()) learn_frames();
  // A fault is on the hart's own space, and what that needs is no part of the operation.
  if (operation.kind == kTouch || operation.kind == kCopy) space().activate();
  std::optional<Scarcity> scarcity;
  std::optional<ObjectAllowance> objects;
  if (operation.frames != kPlenty) scarcity.emplace(frames_, operation.frames);
  if (operation.objects != kPlenty) objects.emplace(operation.objects);
  scarce_ = operation.is_scarce();
  const Step step = dispatch(operation.kind);
  offered_ = vm::Frame();
  retire();
  return step;
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a list of operations
Step ObjectsSystem::dispatch(std::uint32_t kind) {
  switch (kind) {
    case kCreate:
      return create();
    case kTell:
      return tell();
    case kActivate:
      return activate();
    case kLeave:
      return leave();
    case kTouch:
      return touch();
    case kPopulate:
      return populate();
    case kCopy:
      return copy();
    case kMap:
      return map();
    case kUnmap:
      return unmap();
    case kRelease:
      return release();
    case kProtect:
      return protect();
    case kEnd:
      return end();
    case kBadSpace:
      return bad_space(any_slot());
    default:
      break;
  }
  if (any_slot() == nullptr && !scarce_) {
    const Error error = add_object(slots_[0], which_.below(4), 8, Permissions::read_write());
    require(!error.has_value(), "create: refused");
  }
  Slot* const slot = slot_for(kind);
  if (slot == nullptr) return {};
  switch (kind) {
    case kClone:
      return clone(*slot);
    case kDrop:
      return drop(*slot);
    case kResize:
      return resize(*slot);
    case kSeal:
      return seal(*slot);
    case kCommit:
      return commit(*slot);
    case kDecommit:
      return decommit(*slot);
    case kRead:
      return read(*slot);
    case kWrite:
      return write(*slot);
    case kSupply:
      return supply(*slot);
    case kFail:
      return fail(*slot);
    case kWait:
      return wait(*slot);
    default:
      return bad_object(*slot);
  }
}

// Choosing.

ObjectsSystem::Slot* ObjectsSystem::any_slot() {
  return find_slot([](const ObjectModel&) { return true; });
}

/// A page that the provider is getting, and of which it has said something else since.
std::optional<std::uint64_t> ObjectsSystem::otherwise_answered(const ObjectModel& object) {
  for (const std::uint64_t page : object.requests) {
    if (object.said(page).answer <= Answer::kPart) return page;
  }
  return std::nullopt;
}

bool ObjectsSystem::shares_nodes(const ObjectModel& object) {
  return !object.is_sealed && std::ranges::any_of(object.nodes(), [](const auto& node) {
    return node.second.use_count() > 1;
  });
}

/// An object for an operation; mostly one with which it can come to something.
ObjectsSystem::Slot* ObjectsSystem::slot_for(std::uint32_t kind) {
  const auto is_asked = [](const ObjectModel& object) { return !object.requests.empty(); };
  const auto is_late = [](const ObjectModel& object) {
    return object.provider != nullptr && object.provider->told != nullptr;
  };
  const auto is_otherwise = [](const ObjectModel& object) {
    return otherwise_answered(object).has_value();
  };
  Slot* slot = nullptr;
  if (which_.below(8) != 0) {
    if (kind == kWrite || kind == kCommit || kind == kSupply) slot = find_slot(is_otherwise);
    if (slot != nullptr) return slot;
    if (kind == kSupply || kind == kFail || kind == kWait) slot = find_slot(is_asked);
    if (kind == kRead && scarce_) slot = find_slot(is_late);
    if (kind == kMap && which_.below(2) == 0) slot = find_slot(is_late);
    if (kind == kDecommit && !scarce_ && which_.below(2) == 0) slot = find_slot(is_late);
    if ((kind == kDecommit || kind == kResize) && scarce_) slot = find_slot(shares_nodes);
  }
  return slot != nullptr ? slot : any_slot();
}

std::uint64_t ObjectsSystem::any_size() {
  switch (how_.below(8)) {
    case 0:
      return 30 + how_.below(8);  // one node has 32
    case 1:
      return 1020 + how_.below(16);  // two levels of them have 1024
    case 2:
      return (std::uint64_t{1} << 30) + how_.below(4);
    default:
      return 1 + how_.below(12);
  }
}

/// A page that others are likely to look at too; perhaps behind the object's end.
std::uint64_t ObjectsSystem::object_page(const ObjectModel& object) {
  const auto other = otherwise_answered(object);
  if (other && where_.below(3) != 0) return *other;
  switch (where_.below(8)) {
    case 0:
      return object.size + where_.below(4) - std::min<std::uint64_t>(object.size, 3);
    case 1:
      return 30 + where_.below(8);
    case 2:
      return object.size > 40 ? 1020 + where_.below(8) : where_.below(12);
    case 3:
    case 4:
      if (!object.requests.empty()) return requested_page(object);
      [[fallthrough]];
    case 5:
      if (const auto page = later_page(object)) return *page;
      [[fallthrough]];
    default:
      return where_.below(std::min<std::uint64_t>(object.size + 1, 12));
  }
}

/// A page that comes later, and for which nobody has asked.
std::optional<std::uint64_t> ObjectsSystem::later_page(const ObjectModel& object) {
  for (std::uint64_t page = where_.below(4); page < std::min<std::uint64_t>(object.size, 12);
       ++page) {
    if (object.said(page).answer != Answer::kLater || object.find(page) != nullptr) continue;
    if (!object.requests.contains(page)) return page;
  }
  return std::nullopt;
}

/// *Requires*: there is a request.
std::uint64_t ObjectsSystem::requested_page(const ObjectModel& object) {
  const auto other = otherwise_answered(object);
  if (other && where_.below(4) != 0) return *other;
  auto page = object.requests.begin();
  std::advance(page, static_cast<std::ptrdiff_t>(where_.below(object.requests.size())));
  return *page;
}

ObjectsSystem::Pages ObjectsSystem::object_pages(const ObjectModel& object, std::uint64_t most) {
  const std::uint64_t first = object_page(object);
  const std::uint64_t count = 1 + where_.below(most);
  // Mostly inside of it.
  const bool is_cut = where_.below(4) != 0 && first < object.size;
  return {first, is_cut ? std::min(count, object.size - first) : count};
}

/// Pages of the space: mostly mapped ones, and rather such as have no content.
ObjectsSystem::Pages ObjectsSystem::space_pages(std::uint64_t most) {
  const auto& pages = model().pages;
  const std::uint64_t way = where_.below(16);
  if (pages.empty() || way == 0) {
    const std::uint64_t first = bases_[where_.below(4)] + where_.below(16);
    return {first, 1 + where_.below(most)};
  }
  auto page = pages.begin();
  std::advance(page, static_cast<std::ptrdiff_t>(where_.below(pages.size())));
  if (way < 7) {
    constexpr std::array kErrors{vm::PageError::kOutsideVmo, vm::PageError::kMustWait,
                                 vm::PageError::kUnavailable, vm::PageError::kMustWait,
                                 vm::PageError::kUnavailable};
    const vm::PageError error = kErrors[where_.below(kErrors.size())];
    const auto found = std::ranges::find_if(pages, [&](const auto& entry) {
      const PageModel& of = entry.second;
      return of.object && !of.leaf && of.permissions.can_read() &&
             world_.look(*of.object, of.object_page).error == error;
    });
    if (found != pages.end()) page = found;
  }
  std::uint64_t count = 1 + where_.below(most);
  if (way < 12) {
    while (!model().covers(page->first, count, false)) --count;
  }
  return {page->first, count};
}

/// The same; now and then one in the middle of a region, which makes three of it.
ObjectsSystem::Pages ObjectsSystem::pages_to_cut(std::uint64_t most) {
  if (where_.below(3) == 0) {
    for (const auto& [number, page] : model().pages) {
      if (model().joined(number - 1) && model().joined(number) && where_.below(2) == 0) {
        return {number, 1};
      }
    }
  }
  return space_pages(most);
}

Permissions ObjectsSystem::any_permissions() {
  switch (how_.below(8)) {
    case 0:
      return Permissions::read_execute();
    case 1:
      return Permissions::read_only();
    default:
      return Permissions::read_write();
  }
}

// Judging.

std::optional<Step> ObjectsSystem::refused(std::uint32_t kind, Error error, Error expected) const {
  const std::string_view name = kinds()[kind].name;
  if (!error) {
    require(!expected.has_value(), name,
            ": done, and should be refused: ", to_string(expected.value_or(SpaceError::kDenied)));
    return std::nullopt;
  }
  if (*error == SpaceError::kOutOfMemory) {
    require(scarce_, name, ": out of memory, and there is some");
    return named(kind, "out of memory");
  }
  require(expected.has_value(), name, ": refused: ", to_string(*error));
  require(*error == *expected, name, ": refused as ", to_string(*error), ", not as ",
          to_string(*expected));
  switch (*error) {
    case SpaceError::kOverlap:
      return named(kind, "overlap");
    case SpaceError::kNotMapped:
      return named(kind, "not mapped");
    case SpaceError::kDenied:
      return named(kind, "denied");
    case SpaceError::kOutsideVmo:
      return named(kind, "outside the object");
    case SpaceError::kSealed:
      return named(kind, "sealed");
    case SpaceError::kUnavailable:
      return named(kind, "unavailable");
    case SpaceError::kLimit:
      return named(kind, "limit");
    default:
      mismatch(name, ": refused: ", to_string(*error));
  }
}

/// Where the objects' pages are, of which no comparison has told yet: what becomes of them while
/// memory runs out is told by that.
void ObjectsSystem::learn_frames() {
  for (const ObjectRef& object : world_.objects) {
    for (const auto& [page, frame] : object->pages) {
      if (frame->address != 0) continue;
      sync::LockGuard guard(object->object->pages_lock);
      const auto source = object->object->source(page * kPageSize);
      require(source.has_value(), "page ", page, " of an object is not there");
      frame->address = source->from.value();
    }
  }
}

/// After an object ran out of memory it may have got a page of its own, for content that it had.
void ObjectsSystem::reconcile(ObjectModel& object, std::uint64_t page) {
  const FoundPage before = world_.look(object, page);
  if (before.error) return;
  bool made = false;
  {
    sync::LockGuard guard(object.object->pages_lock);
    const auto now = object.object->source(page * kPageSize);
    require(now.has_value(), "a page is gone after memory ran out");
    const bool has_own = now->bytes == kPageSize && !now->is_lent;
    made = has_own && (before.bytes != kPageSize || before.is_lent ||
                       before.frame->address != now->from.value());
  }
  if (made) world_.make(object, page, before);
}

/// Requests for those pages are complete now.
void ObjectsSystem::complete(const ObjectModel& object, std::uint64_t first, std::uint64_t end,
                             vm::PageRequestState state) {
  for (const auto& waiting : waiters_) {
    if (!waiting || waiting->object != &object) continue;
    if (waiting->page < first || waiting->page >= end) continue;
    waiting->object = nullptr;
    waiting->expected = state;
  }
}

void ObjectsSystem::retire() {
  for (const ObjectRef& gone : world_.retire()) {
    complete(*gone, 0, ~std::uint64_t{0}, vm::PageRequestState::kGone);
  }
}

void ObjectsSystem::finish() {
  for (Slot& slot : slots_) slot = {};
  for (auto& space : spaces_) space.reset();
  for (SpaceModel& space : world_.spaces) space.pages.clear();
  retire();
  require(world_.objects.empty(), "the model has an object too many");
  for (unsigned hart = 0; hart < machine_.hart_count(); ++hart) {
    const arch::mock::AsHart as(hart);
    kernel_->activate();
  }
  compare_waiters();
  require(frames_.statistics().allocated == before_, "frames are left over");
  require(vm::PageNode::count() == nodes_before_, "nodes are left over");
  require(machine_.stale_translations() == 0, "a hart remembers a space that ended");
}

}  // namespace quoll::model::objects

namespace quoll::model {

const SystemInfo& objects_system() {
  static const SystemInfo info{"objects",
                               objects::kinds(),
                               kTranslating,
                               [](unsigned mode, unsigned harts) -> std::unique_ptr<System> {
                                 return std::make_unique<objects::ObjectsSystem>(mode, harts);
                               },
                               30,
                               800};
  return info;
}

}  // namespace quoll::model
