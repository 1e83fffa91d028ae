// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walking a path below a directory, one component at a time, never above it.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include <quoll/abi/types.hpp>
#include <quoll/base/result.hpp>
#include <quoll/wasi/errno.hpp>
#include <quoll/wasi/host.hpp>

namespace quoll::wasi {

/// The longest path that is walked, in bytes.
inline constexpr std::size_t kMaxPath = 4096;

/// Where a walk arrived: a handle of its own, or the directory that it started from.
class Place {
 public:
  Place(Host& host, abi::Handle handle, bool owned)
      : host_(&host), handle_(handle), owned_(owned) {}
  Place(Place&& other) noexcept
      : host_(other.host_), handle_(other.handle_), owned_(std::exchange(other.owned_, false)) {}
  Place& operator=(Place&&) = delete;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { close(); }

  abi::Handle handle() const { return handle_; }
  bool is_start() const { return !owned_; }
  /// Goes on to `handle`, which the place owns from now on.
  void move_to(abi::Handle handle) {
    close();
    handle_ = handle;
    owned_ = true;
  }
  /// Goes back to `start`, which the place does not own.
  void return_to(abi::Handle start) {
    close();
    handle_ = start;
    owned_ = false;
  }
  /// The handle stays open; whoever called owns it, unless it is the start.
  abi::Handle release() {
    owned_ = false;
    return handle_;
  }

 private:
  void close() {
    // A handle that we opened and cannot close is the host's fault, and nobody could mend it here.
    if (owned_) static_cast<void>(host_->handle_close(handle_));
  }

  Host* host_;
  abi::Handle handle_;
  bool owned_;
};

/// Why a walk ended early.
struct WalkError {
  Errno error;
  bool at_last_component;  ///< only the last name of the path was refused
};

/// Walks `path` from the directory `start`. A trailing slash asks for a directory.
/// *Errors*: kNotcapable for an absolute path or one that leaves `start`; kNoent for the empty
/// path; kNametoolong; kInval for a NUL; kNotdir; what the host says.
base::Result<Place, WalkError> walk(Host& host, abi::Handle start, std::string_view path);

}  // namespace quoll::wasi
