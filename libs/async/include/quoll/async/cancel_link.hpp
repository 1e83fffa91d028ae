// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// CancelLink: a source that a token cancels, so that whoever asks a task to end asks all that it
// has started.
#pragma once

#include <quoll/async/cancel.hpp>

namespace quoll::async {

/// Cancels a source when a token is cancelled, for as long as it lives. Allocates nothing.
///
/// *Requires*: the source outlives the link, and is not what the token observes, however many links
/// lie in between.
/// *Locking*: the source's lock is taken under that of the token's source, never the reverse. Links
/// form trees, so those that wait for each other's locks form no ring; a cancellation that goes
/// through many links uses that much of the stack.
class CancelLink : private CancelRegistration {
 public:
  /// A token that is cancelled already cancels the source here.
  CancelLink(CancelToken token, CancelSource& source) noexcept : source_(source) {
    if (!arm(token, &CancelLink::on_cancel)) source_.cancel();
  }

  /// Once this returns the token does not reach the source any more.
  void unlink() noexcept { disarm(); }

 private:
  static void on_cancel(CancelRegistration& registration) noexcept {
    static_cast<CancelLink&>(registration).source_.cancel();
  }

  CancelSource& source_;
};

}  // namespace quoll::async
