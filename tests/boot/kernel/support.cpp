// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the language runtime would provide. The libraries are built with exceptions; nothing here
// throws, and these are never called.
#include <exception>

#include <quoll/base/assert.hpp>

extern "C" {
void __gxx_personality_v0() {
  quoll::base::assertion_failed("exception", "", 0);
}
void* __cxa_begin_catch(void*) {
  quoll::base::assertion_failed("exception", "", 0);
}
}

namespace std {
void terminate() noexcept {
  quoll::base::assertion_failed("terminate", "", 0);
}
}  // namespace std
