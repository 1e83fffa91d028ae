// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/state/state.hpp>

namespace quoll::kernel {
namespace {

constinit State the_state;

}  // namespace

const State& state() noexcept {
  return the_state;
}

State& state_for_boot() noexcept {
  return the_state;
}

}  // namespace quoll::kernel
