// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The calls that return at once, with good arguments and with hostile ones.
#include "guest_fixture.hpp"

namespace quoll::guest {
namespace {

constexpr std::uint64_t kPage = abi::kPageSize;

using abi::Error;
using abi::Syscall;

TEST_F(GuestTest, DispatchMovesPastTheEcallAndKeepsOtherRegisters) {
  auto& context = guest_->context();
  for (std::size_t i = 1; i < 32; ++i) context.x[i] = 1000 + i;
  context.pc = 0x200000;
  context.x[arch::kRegA7] = 12345;
  GuestEnd end;
  EXPECT_EQ(dispatch(*guest_, end), Next::kResume);
  EXPECT_EQ(context.pc, 0x200004u);
  EXPECT_EQ(result().error, Error::kBadCall);
  EXPECT_EQ(result().value, 0u);
  for (std::size_t i = 1; i < 32; ++i) {
    if (i != 10 && i != 11 && i != 17) {
      EXPECT_EQ(context.x[i], 1000 + i);
    }
  }
}

TEST_F(GuestTest, UnknownNumbersAreBadCalls) {
  for (const std::uint64_t number :
       {abi::kSyscallCount, std::uint64_t{1} << 32, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    EXPECT_EQ(call(static_cast<Syscall>(number), {}).error, Error::kBadCall);
  }
}

TEST_F(GuestTest, ExitEndsWithKindAndStatus) {
  GuestEnd end;
  prepare(0, {0, 0x1ff});
  EXPECT_EQ(dispatch(*guest_, end), Next::kEnd);
  EXPECT_EQ(end.reason, EndReason::kExited);
  EXPECT_EQ(end.exit_status, 0x1ffu);
  EXPECT_EQ(end.status(), 0xff);
  prepare(0, {1, 5});
  EXPECT_EQ(dispatch(*guest_, end), Next::kEnd);
  EXPECT_EQ(end.status(), 134);
  prepare(0, {2, 5});
  EXPECT_EQ(dispatch(*guest_, end), Next::kEnd);
  EXPECT_EQ(end.status(), 126);
  prepare(0, {77, 5});
  EXPECT_EQ(dispatch(*guest_, end), Next::kEnd);
  EXPECT_EQ(end.status(), 134);
}

TEST_F(GuestTest, YieldGivesWay) {
  GuestEnd end;
  prepare(1, {});
  EXPECT_EQ(dispatch(*guest_, end), Next::kYield);
  EXPECT_EQ(result().error, Error::kOk);
}

TEST_F(GuestTest, ClockCountsFromBoot) {
  fake_now = 100 + 25;
  EXPECT_EQ(call(Syscall::kClockGet, {0}).value, 2500u);
  EXPECT_EQ(call(Syscall::kClockGet, {1}).error, Error::kUnsupported);
  EXPECT_EQ(call(Syscall::kClockGet, {2}).error, Error::kBadArgument);
}

TEST_F(GuestTest, FileReadHonoursOffsetAndLength) {
  const auto file = open("hello.wasm");
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_, 4, 3}).value, 4u);
  EXPECT_EQ(peek_string(buffer_, 4), "3456");
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_, ~std::uint64_t{0}, 8}).value, 2u);
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_, 1, 10}).value, 0u);
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_, 1, ~std::uint64_t{0}}).value, 0u);
  EXPECT_EQ(call(Syscall::kFileRead, {file, 0, 0, 0}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kFileRead, {open("dir"), buffer_, 1, 0}).error, Error::kBadHandle);
}

TEST_F(GuestTest, WildBuffersAreBadAddresses) {
  const auto file = open("hello.wasm");
  const auto dir = open("dir");
  for (const std::uint64_t wild : kWild) {
    EXPECT_EQ(call(Syscall::kFileRead, {file, wild, 4, 0}).error, Error::kBadAddress) << wild;
    EXPECT_EQ(call(Syscall::kHandleStat, {file, wild}).error, Error::kBadAddress) << wild;
    EXPECT_EQ(call(Syscall::kDirectoryOpen, {dir, wild, 4}).error, Error::kBadAddress) << wild;
    EXPECT_EQ(call(Syscall::kDirectoryRead, {dir, 0, wild, 99}).error, Error::kBadAddress) << wild;
    EXPECT_EQ(call(Syscall::kRandom, {wild, 9}).error, Error::kBadAddress) << wild;
    EXPECT_EQ(call(Syscall::kLog, {wild, 9}).error, Error::kBadAddress) << wild;
  }
}

TEST_F(GuestTest, BuffersThatRunOutOfTheMappingAreBadAddresses) {
  const auto file = open("hello.wasm");
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_ + kBufferSize - 4, 10, 0}).error,
            Error::kBadAddress);
  EXPECT_EQ(call(Syscall::kFileRead, {file, buffer_ + kBufferSize - 4, 4, 0}).value, 4u);
}

TEST_F(GuestTest, StatDescribesEachKind) {
  abi::Stat stat;
  EXPECT_EQ(call(Syscall::kHandleStat, {open("hello.wasm"), buffer_}).error, Error::kOk);
  peek(&stat, buffer_, sizeof stat);
  EXPECT_EQ(stat.kind, abi::ObjectKind::kFile);
  EXPECT_EQ(stat.rights, abi::rights::kRead);
  EXPECT_EQ(stat.size, 10u);
  EXPECT_EQ(stat.modified_ns, 5'000'000'000u);
  const std::uint64_t id = stat.id;
  EXPECT_EQ(call(Syscall::kHandleStat, {open("hello.wasm"), buffer_}).error, Error::kOk);
  peek(&stat, buffer_, sizeof stat);
  EXPECT_EQ(stat.id, id);
  EXPECT_EQ(call(Syscall::kHandleStat, {open("dir"), buffer_}).error, Error::kOk);
  peek(&stat, buffer_, sizeof stat);
  EXPECT_EQ(stat.kind, abi::ObjectKind::kDirectory);
  EXPECT_NE(stat.id, id);
  EXPECT_EQ(call(Syscall::kHandleStat, {open_stream(out_, abi::rights::kWrite), buffer_}).error,
            Error::kOk);
  peek(&stat, buffer_, sizeof stat);
  EXPECT_EQ(stat.kind, abi::ObjectKind::kStream);
  EXPECT_EQ(stat.rights, abi::rights::kWrite);
  EXPECT_EQ(call(Syscall::kHandleStat, {99, buffer_}).error, Error::kBadHandle);
}

TEST_F(GuestTest, DirectoryOpenTakesOneComponent) {
  const auto dir = open("dir");
  const auto try_open = [&](const std::string& name) {
    return call(Syscall::kDirectoryOpen, {dir, poke_string(name), name.size()});
  };
  EXPECT_EQ(try_open("a").error, Error::kOk);
  EXPECT_EQ(try_open("zzz").error, Error::kNotFound);
  using namespace std::string_literals;
  for (const std::string& name :
       {""s, "."s, ".."s, "a/b"s, "/"s, "c/d"s, "a\0"s, std::string(256, 'a')}) {
    EXPECT_EQ(try_open(name).error, Error::kBadName) << name;
  }
  EXPECT_EQ(try_open(std::string(255, 'a')).error, Error::kNotFound);
  EXPECT_EQ(call(Syscall::kDirectoryOpen, {dir, buffer_, ~std::uint64_t{0}}).error,
            Error::kBadName);
  EXPECT_EQ(call(Syscall::kDirectoryOpen, {open("dir/a"), poke_string("a"), 1}).error,
            Error::kBadHandle);
}

TEST_F(GuestTest, HandlesRunOutAndComeBack) {
  const auto dir = open("dir");
  const std::uint64_t name = poke_string("a");
  for (std::uint64_t i = 1; i < abi::kMaxHandles; ++i) {
    ASSERT_EQ(call(Syscall::kDirectoryOpen, {dir, name, 1}).error, Error::kOk);
  }
  EXPECT_EQ(call(Syscall::kDirectoryOpen, {dir, name, 1}).error, Error::kNoHandles);
  EXPECT_EQ(call(Syscall::kHandleClose, {7}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kHandleClose, {7}).error, Error::kBadHandle);
  EXPECT_EQ(call(Syscall::kDirectoryOpen, {dir, name, 1}).value, 7u);
}

TEST_F(GuestTest, DirectoryReadGoesOnAtItsCookies) {
  const auto dir = open("dir");
  std::vector<std::string> names;
  std::uint64_t cookie = 0;
  for (;;) {
    // Room for exactly one entry.
    const CallResult read = call(Syscall::kDirectoryRead, {dir, cookie, buffer_, 40});
    ASSERT_EQ(read.error, Error::kOk);
    if (read.value == 0) break;
    abi::DirectoryEntry entry;
    peek(&entry, buffer_, sizeof entry);
    EXPECT_EQ(read.value, sizeof entry + 8);
    names.push_back(peek_string(buffer_ + sizeof entry, entry.name_length));
    EXPECT_EQ(entry.kind,
              names.back() == "c" ? abi::ObjectKind::kDirectory : abi::ObjectKind::kFile);
    cookie = entry.next_cookie;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(call(Syscall::kDirectoryRead, {dir, 0, buffer_, 31}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kDirectoryRead, {dir, 0, buffer_, 0}).value, 0u);
  EXPECT_EQ(call(Syscall::kDirectoryRead, {dir, 0, buffer_, kPage}).value, 96u);
  EXPECT_EQ(call(Syscall::kDirectoryRead, {dir, ~std::uint64_t{0}, buffer_, 99}).value, 0u);
}

TEST_F(GuestTest, RandomFillsExactlyTheBuffer) {
  const std::string zeros(700, '\0');
  poke(buffer_, zeros.data(), zeros.size());
  EXPECT_EQ(call(Syscall::kRandom, {buffer_ + 1, 600}).error, Error::kOk);
  EXPECT_EQ(peek_string(buffer_, 700),
            std::string(1, '\0') + std::string(600, '\xab') + std::string(99, '\0'));
}

TEST_F(GuestTest, MemoryIsReservedCommittedAndGivenBack) {
  constexpr std::uint64_t kPages = 64 * kPage;
  const CallResult reserved = call(Syscall::kMemoryReserve, {kPages});
  ASSERT_EQ(reserved.error, Error::kOk);
  const std::uint64_t base = reserved.value;
  EXPECT_EQ(call(Syscall::kRandom, {base, 8}).error, Error::kBadAddress);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, 8192}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kRandom, {base + 8184, 8}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kRandom, {base + 8184, 9}).error, Error::kBadAddress);
  // Committing again keeps the content, decommitting drops it.
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, 3 * kPage}).error, Error::kOk);
  EXPECT_EQ(peek_string(base + 8184, 8), std::string(8, '\xab'));
  EXPECT_EQ(call(Syscall::kMemoryDecommit, {base + kPage, kPage}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kRandom, {base + kPage, 1}).error, Error::kBadAddress);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base + kPage, kPage}).error, Error::kOk);
  EXPECT_EQ(peek_string(base + 8184, 8), std::string(8, '\0'));
  EXPECT_EQ(call(Syscall::kMemoryRelease, {base}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryRelease, {base}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, kPage}).error, Error::kBadArgument);
}

TEST_F(GuestTest, ReservedMemoryBecomesAGuard) {
  const std::uint64_t base = call(Syscall::kMemoryReserve, {8 * kPage}).value;
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, kPage}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryGuard, {base + 2 * kPage, 6 * kPage}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryGuard, {base, 0}).error, Error::kOk);
  EXPECT_EQ(guest_->space().handle_fault(mem::VirtualAddress(base + 3 * kPage), mem::Access::kRead),
            vm::FaultOutcome::kGuard);
  // It stays one, and what is committed becomes none.
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base + 2 * kPage, kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryGuard, {base, kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryGuard, {base, 2 * kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base + kPage, kPage}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryRelease, {base}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryGuard, {base, kPage}).error, Error::kBadArgument);
  // All of it can be one.
  const std::uint64_t all = call(Syscall::kMemoryReserve, {kPage}).value;
  EXPECT_EQ(call(Syscall::kMemoryGuard, {all, kPage}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryRelease, {all}).error, Error::kOk);
}

TEST_F(GuestTest, AFaultIsExplained) {
  const std::uint64_t base = call(Syscall::kMemoryReserve, {2 * kPage}).value;
  ASSERT_EQ(call(Syscall::kMemoryGuard, {base + kPage, kPage}).error, Error::kOk);
  const auto explained = [&](std::uint64_t address) {
    Fault fault{abi::FaultKind::kLoad, address, 0x200000};
    explain(*guest_, guest_->space().handle_fault(mem::VirtualAddress(address), mem::Access::kRead),
            fault);
    return fault;
  };
  const Fault nothing = explained(0x10);
  EXPECT_EQ(nothing.cause, abi::FaultCause::kUnmapped);
  EXPECT_EQ(nothing.region_end, 0u);
  const Fault reserved = explained(base + 8);
  EXPECT_EQ(reserved.cause, abi::FaultCause::kDenied);
  EXPECT_EQ(reserved.region_start, base);
  EXPECT_EQ(reserved.region_end, base + kPage);
  const Fault guard = explained(base + kPage);
  EXPECT_EQ(guard.cause, abi::FaultCause::kGuard);
  EXPECT_EQ(guard.region_start, base + kPage);
  Fault wanting{abi::FaultKind::kLoad, base, 0x200000};
  explain(*guest_, vm::FaultOutcome::kOutOfMemory, wanting);
  EXPECT_EQ(wanting.kind, abi::FaultKind::kOutOfMemory);
  EXPECT_EQ(wanting.cause, abi::FaultCause::kNone);
  // The handler is told.
  ASSERT_EQ(call(Syscall::kFaultUpcall, {0x200100, buffer_ + 8192}).error, Error::kOk);
  ASSERT_TRUE(deliver_fault(*guest_, guard));
  abi::FaultFrame frame;
  peek(&frame, guest_->context().x[arch::kRegA0], sizeof frame);
  EXPECT_EQ(frame.cause, abi::FaultCause::kGuard);
  EXPECT_EQ(frame.region_start, base + kPage);
  EXPECT_EQ(frame.region_end, base + 8192);
}

TEST_F(GuestTest, MemoryCallsRefuseNonsense) {
  const std::uint64_t base = call(Syscall::kMemoryReserve, {8192}).value;
  for (const std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4097}, ~std::uint64_t{0}}) {
    EXPECT_EQ(call(Syscall::kMemoryReserve, {size}).error, Error::kBadArgument) << size;
  }
  EXPECT_EQ(call(Syscall::kMemoryReserve, {std::uint64_t{1} << 62}).error, Error::kNoMemory);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base + 1, kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, 4097}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, 3 * kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, ~std::uint64_t{4095}}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryDecommit, {base, 3 * kPage}).error, Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kMemoryRelease, {base + kPage}).error, Error::kBadArgument);
  for (const std::uint64_t wild : kWild) {
    const std::uint64_t page = wild & ~std::uint64_t{4095};
    EXPECT_EQ(call(Syscall::kMemoryCommit, {page, kPage}).error, Error::kBadArgument) << page;
    EXPECT_EQ(call(Syscall::kMemoryDecommit, {page, kPage}).error, Error::kBadArgument) << page;
    EXPECT_EQ(call(Syscall::kMemoryRelease, {page}).error, Error::kBadArgument) << page;
    EXPECT_EQ(call(Syscall::kMemoryGuard, {page, kPage}).error, Error::kBadArgument) << page;
  }
}

TEST_F(GuestTest, CommitIsRefusedBeyondTheLimitAndChangesNothing) {
  const std::uint64_t base = call(Syscall::kMemoryReserve, {2 * kLimit}).value;
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, 2 * kLimit}).error, Error::kNoMemory);
  EXPECT_EQ(call(Syscall::kRandom, {base, 1}).error, Error::kBadAddress);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base, kLimit - kBufferSize}).error, Error::kOk);
  EXPECT_EQ(call(Syscall::kMemoryCommit, {base + kLimit, kPage}).error, Error::kNoMemory);
}

TEST_F(GuestTest, AnUpcallReceivesTheFaultAndReturnsToTheFrame) {
  auto& context = guest_->context();
  const std::uint64_t top = buffer_ + 8192 + 5;
  ASSERT_EQ(call(Syscall::kFaultUpcall, {0x200100, top}).error, Error::kOk);
  for (std::size_t i = 1; i < 32; ++i) context.x[i] = 2000 + i;
  context.pc = 0x200800;
  ASSERT_TRUE(deliver_fault(*guest_, {abi::FaultKind::kStore, 0x77, context.pc}));
  EXPECT_EQ(context.pc, 0x200100u);
  const std::uint64_t frame_at = context.x[arch::kRegA0];
  EXPECT_EQ(frame_at % 16, 0u);
  EXPECT_EQ(context.x[arch::kRegSp], frame_at);
  EXPECT_LE(frame_at + sizeof(abi::FaultFrame), top);
  EXPECT_EQ(context.x[arch::kRegA1], 2011u);
  abi::FaultFrame frame;
  peek(&frame, frame_at, sizeof frame);
  EXPECT_EQ(frame.kind, abi::FaultKind::kStore);
  EXPECT_EQ(frame.address, 0x77u);
  EXPECT_EQ(frame.pc, 0x200800u);
  EXPECT_EQ(frame.registers[0], 0u);
  EXPECT_EQ(frame.registers[31], 2031u);
  // A fault inside the handler is the end.
  EXPECT_FALSE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0}));
  // The handler goes elsewhere with other registers.
  frame.pc = 0x200900;
  frame.registers[10] = 42;
  frame.registers[0] = 13;
  poke(frame_at, &frame, sizeof frame);
  GuestEnd end;
  prepare(17, {frame_at});
  EXPECT_EQ(dispatch(*guest_, end), Next::kResume);
  EXPECT_EQ(context.pc, 0x200900u);
  EXPECT_EQ(context.x[10], 42u);
  EXPECT_EQ(context.x[17], 2017u);
  EXPECT_EQ(context.x[0], 0u);
  EXPECT_TRUE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0}));
}

TEST_F(GuestTest, UpcallsAreRefusedWhenTheyCannotWork) {
  EXPECT_FALSE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0}));
  EXPECT_EQ(call(Syscall::kFaultUpcall, {0xffff'ffc0'0000'0000, buffer_}).error,
            Error::kBadArgument);
  EXPECT_EQ(call(Syscall::kFaultUpcall, {0x200000, 0xffff'ffc0'0000'0000}).error,
            Error::kBadArgument);
  for (const std::uint64_t top :
       {std::uint64_t{0}, std::uint64_t{16}, std::uint64_t{300}, std::uint64_t{0x9000}}) {
    EXPECT_EQ(call(Syscall::kFaultUpcall, {0x200000, top}).error, Error::kOk);
    EXPECT_FALSE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0})) << top;
  }
  EXPECT_EQ(call(Syscall::kFaultUpcall, {0, 0}).error, Error::kOk);
  EXPECT_FALSE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0}));
}

TEST_F(GuestTest, FaultReturnChecksStateAddressAndPc) {
  EXPECT_EQ(call(Syscall::kFaultReturn, {buffer_}).error, Error::kBadArgument);
  ASSERT_EQ(call(Syscall::kFaultUpcall, {0x200000, buffer_ + kPage}).error, Error::kOk);
  ASSERT_TRUE(deliver_fault(*guest_, {abi::FaultKind::kLoad, 0, 0x200000}));
  EXPECT_EQ(call(Syscall::kFaultReturn, {8}).error, Error::kBadAddress);
  abi::FaultFrame frame{};
  frame.pc = 0xffff'ffff'8000'0000;
  poke(buffer_, &frame, sizeof frame);
  EXPECT_EQ(call(Syscall::kFaultReturn, {buffer_}).error, Error::kBadArgument);
}

TEST_F(GuestTest, NamesCannotSteerATerminal) {
  const struct {
    std::string_view given;
    std::string_view kept;
  } rows[] = {{"app.wasm", "app.wasm"},
              {"größe.wasm", "größe.wasm"},
              {"a\x1b[31m\n\x7f", "a?[31m??"},
              {"a\xc2\x9b"
               "31m",
               "a??31m"},
              {"a\x9b\xff", "a??"}};
  for (const auto& row : rows) {
    const GuestRef guest = GuestRef::adopt(new Guest(row.given, 7, nullptr, 0));
    EXPECT_EQ(guest->name(), row.kept);
  }
  // Cut in the middle of a character, that character is gone as well.
  const std::string long_name(Guest::kMaxName - 1, 'x');
  const GuestRef guest = GuestRef::adopt(new Guest(long_name + "ö", 7, nullptr, 0));
  EXPECT_EQ(guest->name(), long_name + "?");
}

TEST_F(GuestTest, EveryCallSurvivesWildArguments) {
  const std::uint64_t values[] = {0,
                                  1,
                                  2,
                                  3,
                                  buffer_,
                                  buffer_ + kBufferSize - 1,
                                  kPage,
                                  0x10000,
                                  0xffff'ffc0'0000'0000,
                                  ~std::uint64_t{0}};
  open("dir"), open("hello.wasm"), open_stream(in_, abi::rights::kRead);
  std::uint64_t state = 88172645463325252;
  const auto random = [&state] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
  };
  for (int round = 0; round < 20000; ++round) {
    const std::uint64_t number = random() % (abi::kSyscallCount + 1);
    prepare(number, {values[random() % 10], values[random() % 10], values[random() % 10],
                     values[random() % 10], values[random() % 10], values[random() % 10]});
    GuestEnd end;
    (void)dispatch(*guest_, end);
  }
}

}  // namespace
}  // namespace quoll::guest
