// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What ends a guest, and panics of the kernel while it serves one: "Guests" of docs/panic.md.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/shell/shell.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "failures_support.hpp"
#include "guest_support.hpp"

namespace quoll::failures {
namespace {

using device::ByteStream;
using device::StandardStreams;
using device::StreamError;
using guest::EndReason;
using guest::GuestEnd;
using guest::tests::MemoryStream;
using Moved = async::Task<base::Result<std::size_t, StreamError>>;

/// Runs the probe, which must be killed with `line` on its standard error.
async::Task<void> expect_killed(std::string_view action, std::string_view argument,
                                std::string_view line) {
  // The services are made by the first guest.
  CO_ASSERT_TRUE(RUN_PROBE("exit", "0").status() == 0);
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  MemoryStream error;
  StandardStreams streams;
  streams.error = &error;
  const GuestEnd end = RUN_PROBE(action, argument, streams);
  EXPECT_EQ(end.reason, EndReason::kFaulted);
  EXPECT_EQ(end.status(), 139);
  EXPECT_TRUE(error.written().starts_with(line));
  EXPECT_BALANCED(before);
}

KTEST_TASK(Failures, GuestLoadFault) {
  EXPECT_TRUE(
      (co_await expect_killed("read", "8", "quoll: read: killed: load fault at 0x8 ").checked())
          .has_value());
}
KTEST_TASK(Failures, GuestIllegalInstruction) {
  EXPECT_TRUE(
      (co_await expect_killed("satp", "", "quoll: satp: killed: illegal instruction ").checked())
          .has_value());
}
KTEST_TASK(Failures, GuestMisalignedAtomic) {
  EXPECT_TRUE((co_await expect_killed("reserve-misaligned", "",
                                      "quoll: reserve-misaligned: killed: misaligned access at ")
                   .checked())
                  .has_value());
}
KTEST_TASK(Failures, GuestStackOverflow) {
  EXPECT_TRUE((co_await expect_killed("overflow-stack", "",
                                      "quoll: overflow-stack: killed: store fault at ")
                   .checked())
                  .has_value());
}
KTEST_TASK(Failures, GuestJumpsToKernel) {
  // SAFETY: the address of a function's code, as a number.
  const guest::tests::Hex code(reinterpret_cast<std::uint64_t>(&panic_plainly));
  EXPECT_TRUE(
      (co_await expect_killed("jump", code.text(), "quoll: jump: killed: fetch fault at 0xffff")
           .checked())
          .has_value());
}

/// A stream that breaks the kernel's invariants.
class PanickingStream final : public ByteStream {
 public:
  Moved read(std::span<std::byte>, async::CancelToken) override { return panicking_read(); }
  Moved write(std::span<const std::byte>, async::CancelToken) override { return panicking_write(); }
  bool readable() noexcept override { return true; }
  bool writable() noexcept override { return true; }
  void watch(device::Watcher&) noexcept override {}
  void unwatch(device::Watcher&) noexcept override {}

 private:
  static Moved panicking_read() {
    panic::panic("in a stream");
    co_return std::size_t{0};
  }
  static Moved panicking_write() {
    co_await exec::yield_now();
    panic::panic("in a stream");
    co_return std::size_t{0};
  }
};

KTEST_TASK(Failures, PanicInSystemCall, says("in a stream"),
           names("panicking_write", "call_stream_write", "serve")) {
  CO_ASSERT_TRUE(RUN_PROBE("exit", "0").status() == 0);
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    const guest::GuestRef other = guest::tests::start_probe({"sleep"});
    CO_ASSERT_TRUE(static_cast<bool>(other));
    PanickingStream output;
    MemoryStream error;
    StandardStreams streams;
    streams.output = &output;
    streams.error = &error;
    const GuestEnd end = RUN_PROBE("output", "text", streams);
    EXPECT_EQ(end.status(), 125);
    EXPECT_TRUE(error.written() == "quoll: output: killed by a kernel panic\n");
    EXPECT_FALSE(other->ended().is_set());
    other->kill();
    CO_ASSERT_TRUE((co_await guest::wait(*other)).has_value());
  }
  EXPECT_BALANCED(before);
}

QUOLL_NAMED void panic_in_trap() {
  panic::panic("on the short way");
}
QUOLL_NAMED arch::QuickOutcome panicking_quick(arch::UserContext& context, std::uint64_t cause) {
  arch::Interrupts::enable();
  panic_in_trap();
  arch::Interrupts::disable();
  return arch::quick_refused(context, cause, 0);
}
async::Task<void> user_body() {
  // Nothing is mapped for users: the first instruction faults.
  vm::kernel_space().activate();
  arch::UserContext context;
  context.pc = 0x10000;
  context.quick = panicking_quick;
  // What the trap must not take for the task's own.
  for (std::size_t i = 1; i < context.x.size(); ++i) context.x[i] = 0x5a5a'5a5a'5a5a'5a00 + i;
  for (;;) {
    if (exec::enter_user(context).kind != arch::UserExitKind::kInterrupt) co_return;
  }
}
KTEST_TASK(Failures, PanicInQuickHandler, says("on the short way"),
           names("panic_in_trap", "panicking_quick", "trap_from_user", "quoll::arch::enter_user",
                 "user_body")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  auto spawned = exec::spawn(user_body(), "user");
  CO_ASSERT_TRUE(spawned.has_value());
  const auto joined = co_await spawned->join();
  EXPECT_TRUE(!joined && joined.error() == async::WaitError::kPanicked);
  *spawned = {};
  EXPECT_BALANCED(before);
}

/// What is typed.
class Script final : public ByteStream {
 public:
  explicit Script(std::string_view text) noexcept : rest_(text) {}
  Moved read(std::span<std::byte> into, async::CancelToken) override {
    const std::size_t size = std::min(into.size(), rest_.size());
    std::memcpy(into.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    co_return size;
  }
  Moved write(std::span<const std::byte>, async::CancelToken) override {
    co_return base::err(StreamError::kClosed);
  }
  bool readable() noexcept override { return true; }
  bool writable() noexcept override { return false; }
  void watch(device::Watcher&) noexcept override {}
  void unwatch(device::Watcher&) noexcept override {}

 private:
  std::string_view rest_;
};

/// A machine whose list of programs is broken.
class BrokenHost final : public shell::Host {
 public:
  const archive::Archive& archive() const noexcept override { return guest::services().archive(); }
  std::string_view version() const noexcept override { return "broken"; }
  shell::MemoryInfo memory() const noexcept override { return {}; }
  std::optional<shell::HartInfo> hart(unsigned) const override { return std::nullopt; }
  std::optional<shell::SourceInfo> source(std::uint32_t) const override { return std::nullopt; }
  std::uint64_t interrupts(std::uint32_t, unsigned) const override { return 0; }
  async::Ticks soon() const noexcept override { return 0; }
  base::Result<shell::Job, const char*> start(const shell::Program&) override {
    return base::err("broken");
  }
  async::Task<base::Result<GuestEnd, async::WaitError>> wait(shell::Job) override {
    co_return base::err(async::WaitError::kClosed);
  }
  bool poll(shell::Job, GuestEnd&) override { return false; }
  bool kill(shell::Job) override { return false; }
  QUOLL_NAMED void list(void (*)(void*, const shell::ProgramInfo&), void*) override {
    panic::panic("in a command");
  }
};

KTEST_TASK(Failures, PanicInShellCommand, says("in a command"), names("list", "ps")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    BrokenHost host;
    Script input("ps\nshutdown 3\n");
    MemoryStream output;
    const auto prompt =
        std::unique_ptr<shell::Shell>(new (std::nothrow) shell::Shell(host, input, output));
    CO_ASSERT_TRUE(prompt != nullptr);
    const auto status = co_await prompt->serve();
    EXPECT_TRUE(status.has_value() && *status == 3);
    EXPECT_TRUE(output.written().ends_with("quoll> ps: panicked\nquoll> "));
  }
  EXPECT_BALANCED(before);
}

}  // namespace
}  // namespace quoll::failures
