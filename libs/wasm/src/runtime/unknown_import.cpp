// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runtime/unknown_import.hpp"

namespace quoll::wasm {

namespace {

HostOutcome call_unknown_import(void*, Instance&, std::uint64_t*) {
  return HostOutcome::trapped(TrapKind::kUnknownImport);
}

}  // namespace

HostFunction make_unknown_import(const Import& import) {
  return {&call_unknown_import, const_cast<Import*>(&import)};
}

const Import* unknown_import(const HostFunction& function) {
  if (function.call != &call_unknown_import) return nullptr;
  return static_cast<const Import*>(function.context);
}

}  // namespace quoll::wasm
