// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walking the return stack. Each record says where its caller goes on; the call's cell lies in
// front of that place. Two kinds of records are no activations: the one that brings a caller's
// instance back, and the one at which a run ends, which names the host function that started it.
#include <bit>

#include <quoll/wasm/activation.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/store.hpp>

#include "interpret/handlers.hpp"
#include "runtime/code.hpp"

namespace quoll::wasm {

bool Activations::step(Place& out) {
  if (first_.pc != nullptr || first_.host != nullptr) {
    out = first_;
    first_ = {};
    return true;
  }
  while (record_ != end_) {
    const ReturnRecord record = peek<ReturnRecord>(record_);
    record_ += sizeof(ReturnRecord);
    const Handler handler = peek<Handler>(record.pc);
    if (handler == handlers::return_home()) continue;
    if (handler != handlers::halt()) {
      out = {record.pc - 1, nullptr, true};
      return true;
    }
    const auto* host = std::bit_cast<const Func*>(record.pin0);
    if (host == nullptr) continue;
    out = {nullptr, host, true};
    return true;
  }
  return false;
}

bool Activations::next(Activation& out) {
  Place place;
  if (!step(place)) return false;
  resolve(place, out);
  return true;
}

bool Activations::skip() {
  Place unused;
  return step(unused);
}

std::uint64_t Activations::count() const {
  Activations rest = *this;
  std::uint64_t count = 0;
  while (rest.skip()) ++count;
  return count;
}

void Activations::resolve(const Place& place, Activation& out) const {
  out = {};
  if (place.host != nullptr) {
    out.is_host = true;
    for (const auto& instance : store_->instances_) {
      if (instance->module_ == nullptr) continue;
      for (std::uint32_t i = 0; i < instance->module_->imported_function_count(); ++i) {
        // An instance that could not be linked has fewer functions than its module.
        if (i == instance->functions_.size()) break;
        if (instance->functions_[i] != place.host) continue;
        out.instance = instance.get();
        out.function_index = i;
        return;
      }
    }
    return;
  }
  const Instance::Code* code = nullptr;
  if (!Machine::find_function(*store_, place.pc, out.instance, out.function_index, code)) return;
  const Module& module = out.instance->module();
  const FunctionBody& body = module.bodies()[out.function_index - module.imported_function_count()];
  if (code == nullptr) {
    out.byte_offset = body.code.offset;
  } else if (place.is_exact) {
    out.byte_offset = code->offset_of(place.pc, body.code.offset);
  }
}

}  // namespace quoll::wasm
