// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Providers that answer, late or wrongly, and those who wait for them.
#include <algorithm>
#include <span>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::kPageSize;
using vm::PageRequestState;
using vm::SupplyError;

/// Sees to it, mostly, that there is something to answer; and that an answer comes too late,
/// because the provider has said something else meanwhile, and the object has got the page so.
void ObjectsSystem::prepare_request(bool is_to_be_late) {
  const std::uint64_t way = more_.below(8);
  std::uint64_t page = 0;
  const auto has_missing = [&](const ObjectModel& object) {
    if (object.is_sealed || object.provider == nullptr || object.provider->told == nullptr) {
      return false;
    }
    const std::uint64_t end = std::min<std::uint64_t>(object.provided, 8);
    const auto is_missing = [&](Answer answer) {
      return object.find(page) == nullptr &&
             (object.said(page).answer == Answer::kLater || answer != Answer::kLater);
    };
    // One that comes later anyway, or else one that is told to.
    for (const Answer answer : {Answer::kLater, Answer::kZero}) {
      for (page = 0; page < end; ++page) {
        if (is_missing(answer)) return true;
      }
    }
    return false;
  };
  Slot* const slot = way == 0 ? nullptr : find_slot(has_missing);
  if (slot == nullptr) return;
  ObjectModel& object = *slot->model;
  Answer& said = object.provider->answers.told[page];
  said = Answer::kLater;
  std::uint64_t value = new_value();
  const auto read =
      slot->object->read(page * kPageSize, std::as_writable_bytes(std::span(&value, 1)));
  require(!read && read.error() == vm::SpaceError::kUnavailable, "a page is there before its time");
  (void)world_.source(object, page);
  if (way != 1 || !is_to_be_late) return;
  said = Answer::kZero;
  require(slot->object->write(page * kPageSize, std::as_bytes(std::span(&value, 1))).has_value(),
          "a page of zeros is not there");
  (void)world_.page(object, page, mem::Access::kWrite);
  object.find(page)->content.head = value;
}

/// A page that was asked for, mostly, if there is one.
std::uint64_t ObjectsSystem::asked_page(const ObjectModel& object) {
  if (object.requests.empty() || where_.below(8) == 7) return object_page(object);
  return requested_page(object);
}

Step ObjectsSystem::supply(Slot& slot) {
  ObjectModel& object = *slot.model;
  const std::uint64_t page = asked_page(object);
  const bool was_there = object.find(page) != nullptr;
  const Content content{new_value(), new_value()};
  vm::Frame frame;
  vm::Frame other;
  const std::uint64_t badness = how_.below(10);
  if (badness == 0) {
    frame = frames_.zero_frame();
  } else if (badness != 1) {
    frame = std::move(offered_);
    *word(frame.address().value(), false) = content.head;
    *word(frame.address().value(), true) = content.tail;
    if (badness == 2) other = frame.share();
  }
  const auto result = slot.object->supply(page * kPageSize, std::move(frame));
  if (!result && result.error() == SupplyError::kOutOfMemory) {
    require(scarce_, "supply: out of memory, and there is some");
    return named(kSupply, "out of memory");
  }
  if (!object.requests.contains(page)) {
    require(!result && result.error() == SupplyError::kNotRequested, "supply: not requested");
    return named(kSupply, "not requested");
  }
  if (badness < 3) {
    require(!result && result.error() == SupplyError::kBadFrame, "supply: a bad frame");
    return named(kSupply, "bad frame");
  }
  require(result.has_value(), "supply: refused");
  object.requests.erase(page);
  complete(object, page, page + 1, PageRequestState::kSupplied);
  // The provider may have said something else meanwhile; then the page is what that was.
  if (was_there) return named(kSupply, "too late", true);
  object.put(page, std::make_shared<FrameModel>(FrameModel{content, 0}));
  return named(kSupply, "done", true);
}

Step ObjectsSystem::fail(Slot& slot) {
  ObjectModel& object = *slot.model;
  const std::uint64_t page = asked_page(object);
  const auto result = slot.object->fail(page * kPageSize);
  if (object.requests.erase(page) == 0) {
    require(!result && result.error() == SupplyError::kNotRequested, "fail: not requested");
    return named(kFail, "not requested");
  }
  require(result.has_value(), "fail: refused");
  complete(object, page, page + 1, PageRequestState::kFailed);
  return named(kFail, "done", true);
}

/// Tells a provider what to say of some pages.
Step ObjectsSystem::tell() {
  ProviderModel* provider = world_.providers[1 + which_.below(2)].get();
  std::uint64_t page = where_.below(provider->answers.told.size());
  // Rather of one that it is getting.
  const Slot* const slot =
      find_slot([](const ObjectModel& object) { return !object.requests.empty(); });
  const bool is_asked = slot != nullptr && how_.below(2) == 0;
  if (is_asked) {
    provider = slot->model->provider;
    page = requested_page(*slot->model);
  }
  Answer& said = provider->answers.told[page % provider->answers.told.size()];
  // Mostly later, so that there is somebody to wait for; or else there is no need to.
  Answer now = static_cast<Answer>(how_.below(kAnswers));
  if (how_.below(2) == 0) now = is_asked ? static_cast<Answer>(how_.below(3)) : Answer::kLater;
  const bool changed = said != now;
  said = now;
  switch (now) {
    case Answer::kZero:
    case Answer::kLent:
    case Answer::kPart:
      return named(kTell, "content", changed);
    case Answer::kLater:
      return named(kTell, "later", changed);
    case Answer::kNone:
      return named(kTell, "none", changed);
    default:
      return named(kTell, "lie", changed);
  }
}

Step ObjectsSystem::wait(Slot& slot) {
  std::unique_ptr<Waiting>& place = waiters_[where_.below(kWaiters)];
  if (place) {
    // One who waits gives up; one who was told is done.
    const bool is_pending = place->object != nullptr;
    require(place->request->withdraw(place->waiter) == is_pending, "wait: withdrawn or not");
    if (!is_pending) {
      require(!place->request->wait(place->waiter), "wait: for a page that is decided on");
    }
    place.reset();
    return named(kWait, is_pending ? "withdrawn" : "complete", true);
  }
  ObjectModel& object = *slot.model;
  const std::uint64_t page = asked_page(object);
  vm::PageRequestRef request = slot.object->request(page * kPageSize);
  const bool is_requested = object.requests.contains(page);
  require(static_cast<bool>(request) == is_requested, "wait: there is a request, or there is none");
  if (!is_requested) return named(kWait, "none");
  place = std::make_unique<Waiting>();
  require(request->wait(place->waiter), "wait: the request is pending");
  place->request = std::move(request);
  place->object = &object;
  place->page = page;
  return named(kWait, "waits", true);
}

void ObjectsSystem::compare_waiters() const {
  for (const auto& waiting : waiters_) {
    if (!waiting) continue;
    const bool is_pending = waiting->object != nullptr;
    require(waiting->request->state() == waiting->expected, "a request has another state");
    require(waiting->waiter.calls == (is_pending ? 0U : 1U), "a waiter was called ",
            waiting->waiter.calls, " times");
  }
}

}  // namespace quoll::model::objects
