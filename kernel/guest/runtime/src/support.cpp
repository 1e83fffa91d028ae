// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the compiler and the libraries ask of every program: ends for what must not happen.
#include <new>

#include <quoll/base/assert.hpp>
#include <quoll/runtime/support.hpp>
#include <quoll/runtime/system_call.hpp>
#include <quoll/wasi/message.hpp>

namespace quoll::runtime {
namespace {

constinit abi::Handle complaints = abi::kNoHandle;

[[noreturn]] void end_broken(std::string_view what, std::string_view where, unsigned line) {
  wasi::Message message;
  message.text("quoll: runtime: ").text(what).text(" (").text(where).text(":").decimal(line);
  message.text(")");
  // The guest ends here: whether anybody reads this makes no difference.
  static_cast<void>(stream_write(complaints, message.line()));
  exit(abi::EndKind::kTrapped, 0);
}

}  // namespace

void complain_to(abi::Handle stream) {
  complaints = stream;
}

}  // namespace quoll::runtime

namespace quoll::base {

void assertion_failed(const char* expression, const char* file, unsigned line) {
  runtime::end_broken(expression, file, line);
}

}  // namespace quoll::base

// libc++ keeps this object in the archive that we do not have.
const std::nothrow_t std::nothrow{};

_LIBCPP_BEGIN_NAMESPACE_STD

[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
  quoll::runtime::end_broken(format, "standard library", 0);
}

_LIBCPP_END_NAMESPACE_STD

extern "C" [[noreturn]] void __cxa_pure_virtual() {
  quoll::runtime::end_broken("pure virtual function called", "c++", 0);
}
