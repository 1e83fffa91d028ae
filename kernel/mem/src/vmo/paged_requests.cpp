// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: pages that come later.
#include <new>
#include <utility>

#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// Sees to it that there is a request for a page.
base::Result<void, PageError> PagedVmo::ask_for(std::uint64_t offset) {
  if (requests_.find(offset) != nullptr) return {};
  if (!frames_.has_frame(FrameUse::kGuest)) return base::err(PageError::kOutOfMemory);
  auto* request = new (std::nothrow) PageRequest(offset);
  if (request == nullptr) return base::err(PageError::kOutOfMemory);
  requests_.insert(*request);
  ++request_count_;
  provider_->fetch(*this, offset);
  return {};
}

/// Takes the request for a page out; null if there is none.
PageRequestRef PagedVmo::take_request(std::uint64_t offset) {
  PageRequest* request = requests_.find(offset);
  if (request == nullptr) return {};
  requests_.erase(*request);
  --request_count_;
  return PageRequestRef::adopt(request);
}

/// Takes all requests for pages from an offset on out, and puts them there.
void PagedVmo::take_requests(std::uint64_t from, PageRequestTree& to) {
  while (PageRequest* const request = requests_.find_not_above(kMaxSize)) {
    if (request->offset() < from) return;
    requests_.erase(*request);
    --request_count_;
    to.insert(*request);
  }
}

/// Tells those who wait that nothing comes. With no lock held: they are woken.
void PagedVmo::end_requests(PageRequestTree& gone) {
  while (PageRequest* const first = gone.first()) {
    gone.erase(*first);
    PageRequestRef::adopt(first)->complete(PageRequestState::kGone);
  }
}

PageRequestRef PagedVmo::request(std::uint64_t offset) {
  sync::LockGuard guard(pages_lock);
  return PageRequestRef::retain(requests_.find(offset));
}

base::Result<void, SupplyError> PagedVmo::supply(std::uint64_t offset, Frame frame) {
  PageRequestRef request;
  {
    sync::LockGuard guard(pages_lock);
    if (requests_.find(offset) == nullptr) return base::err(SupplyError::kNotRequested);
    // The frame of zeros is never its owner's alone.
    if (!frame || !frame.is_unique()) return base::err(SupplyError::kBadFrame);
    const std::uint64_t page = offset >> mem::kPageShift;
    // Whoever needed the page has waited, so nobody has it, unless the provider has said something
    // else meanwhile: then the page was made of that, and may be mapped.
    if (!pages_.find(page)) {
      PageStore::Reserve reserve;
      if (!pages_.reserve_put(page, reserve)) return base::err(SupplyError::kOutOfMemory);
      pages_.put(page, std::move(frame), reserve);
    }
    request = take_request(offset);
  }
  request->complete(PageRequestState::kSupplied);
  return {};
}

base::Result<void, SupplyError> PagedVmo::fail(std::uint64_t offset) {
  PageRequestRef request;
  {
    sync::LockGuard guard(pages_lock);
    request = take_request(offset);
  }
  if (!request) return base::err(SupplyError::kNotRequested);
  request->complete(PageRequestState::kFailed);
  return {};
}

}  // namespace quoll::vm
