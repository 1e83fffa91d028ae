// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/wasi/backtrace.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/module.hpp>

namespace quoll::wasi {
namespace {

/// Places that the number of an activation takes, with two spaces in front of the longest.
unsigned number_width(std::uint64_t count) {
  unsigned width = 3;
  for (std::uint64_t last = count - 1; count != 0 && last >= 10; last /= 10) ++width;
  return width;
}

void add_function(Message& out, const wasm::Activation& activation) {
  if (activation.instance == nullptr) {
    out.text(activation.is_host ? "a host function" : "an unknown function");
    return;
  }
  const wasm::Module& module = activation.instance->module();
  if (activation.is_host) {
    const wasm::Import& import = module.function_import(activation.function_index);
    out.name(import.module).text(".").name(import.name).text(" (host)");
    return;
  }
  std::string_view name = module.function_name(activation.function_index);
  if (name.empty()) name = module.function_export(activation.function_index);
  if (name.empty()) {
    out.text("function ").decimal(activation.function_index);
  } else {
    out.name(name).text(" (function ").decimal(activation.function_index).text(")");
  }
}

}  // namespace

BacktraceLength backtrace_length(abi::Backtrace style) {
  switch (style) {
    case abi::Backtrace::kOff:
      return {};
    case abi::Backtrace::kFull:
      return {.innermost = 200, .outermost = 50};
    case abi::Backtrace::kShort:
      break;
  }
  return {.innermost = 24, .outermost = 8};
}

BacktraceLines::BacktraceLines(const wasm::Activations& activations, BacktraceLength length)
    : activations_(activations),
      length_(length),
      count_(activations.count()),
      width_(number_width(count_)) {}

bool BacktraceLines::next(Message& out) {
  if (number_ == count_) return false;
  const std::uint64_t printed = length_.innermost + length_.outermost;
  if (number_ == length_.innermost && count_ > printed) {
    const std::uint64_t omitted = count_ - printed;
    for (; number_ < count_ - length_.outermost; ++number_) activations_.skip();
    if (printed == 0) return false;
    out.padding(width_ + 2).text("... ").decimal(omitted).text(" more ...");
    return true;
  }
  wasm::Activation activation;
  if (!activations_.next(activation)) return false;
  out.decimal(number_++, width_).text(": ");
  if (activation.byte_offset != wasm::Activation::kNoOffset) {
    out.hexadecimal(activation.byte_offset).text(" ");
  }
  out.text("in ");
  add_function(out, activation);
  return true;
}

}  // namespace quoll::wasi
