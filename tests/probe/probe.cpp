// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The guest of the kernel's own tests: a user-mode program without engine or library, that does
// to the kernel what its arguments say, and tells by its exit status what came of it. One file: it
// is linked alone, and each action is a few lines.
#include <cstddef>
#include <cstdint>

#include <quoll/abi/error.hpp>
#include <quoll/abi/limits.hpp>
#include <quoll/abi/syscall.hpp>
#include <quoll/abi/types.hpp>

// NOLINTNEXTLINE(google-build-using-namespace): the probe speaks nothing but the boundary
using namespace quoll::abi;

namespace {

struct Result {
  Error error;
  std::uint64_t value;
};

Result call(Syscall number, std::uint64_t p0 = 0, std::uint64_t p1 = 0, std::uint64_t p2 = 0,
            std::uint64_t p3 = 0, std::uint64_t p4 = 0, std::uint64_t p5 = 0) {
  register std::uint64_t a0 asm("a0") = p0;
  register std::uint64_t a1 asm("a1") = p1;
  register std::uint64_t a2 asm("a2") = p2;
  register std::uint64_t a3 asm("a3") = p3;
  register std::uint64_t a4 asm("a4") = p4;
  register std::uint64_t a5 asm("a5") = p5;
  register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(number);
  // SAFETY: the kernel changes a0, a1 and memory that it was given, nothing else.
  asm volatile("ecall"
               : "+r"(a0), "+r"(a1)
               : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
               : "memory");
  return {static_cast<Error>(a0), a1};
}

[[noreturn]] void finish(std::uint64_t status) {
  for (;;) call(Syscall::kExit, static_cast<std::uint64_t>(EndKind::kExited), status);
}

// Ends with the line number of the first expectation that failed.
#define EXPECT(condition)                                     \
  do {                                                        \
    if (!(condition)) finish(std::uint64_t{1000} + __LINE__); \
  } while (false)

const StartBlock* start = nullptr;

const char* argument(std::size_t index) {
  const char* block = reinterpret_cast<const char*>(start);
  const auto* table = reinterpret_cast<const StartString*>(block + start->arguments);
  return index < start->argument_count ? block + table[index].offset : "";
}

std::uint64_t number(std::size_t index) {
  std::uint64_t value = 0;
  for (const char* c = argument(index); *c != 0; ++c) {
    value = value * 16 + static_cast<std::uint64_t>(*c <= '9' ? *c - '0' : *c - 'a' + 10);
  }
  return value;
}

bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

std::uint64_t ticks() {
  std::uint64_t value = 0;
  asm volatile("rdtime %0" : "=r"(value));
  return value;
}

volatile std::uint64_t initialised = 7;
volatile std::uint64_t zeroed;

void read_memory() {
  finish(*reinterpret_cast<volatile std::uint8_t*>(number(1)));
}
void write_memory() {
  *reinterpret_cast<volatile std::uint8_t*>(number(1)) = 1;
  finish(0);
}
void jump() {
  reinterpret_cast<void (*)()>(number(1))();
}
void read_satp() {
  std::uint64_t value = 0;
  asm volatile("csrr %0, satp" : "=r"(value));
  finish(value);
}
void reserve_misaligned() {
  // SAFETY: an address of ours, off by one.
  const std::uint64_t address = reinterpret_cast<std::uint64_t>(&zeroed) + 1;
  std::uint64_t value = 0;
  asm volatile("lr.d %0, (%1)" : "=r"(value) : "r"(address));
  finish(value);
}
void supervisor_return() {
  asm volatile("sret");
}
void breakpoint() {
  asm volatile("ebreak");
}
void write_start_block() {
  const_cast<volatile StartBlock*>(start)->size = 0;
  finish(0);
}
void write_time_page() {
  *reinterpret_cast<volatile std::uint32_t*>(start->time_page) = 0;
  finish(0);
}
void overflow_stack() {
  for (volatile std::uint8_t* at = reinterpret_cast<std::uint8_t*>(start->stack_high);;) {
    at -= 64;
    *at = 1;
  }
}
void exit_with() {
  finish(number(1));
}
void spin() {
  const std::uint64_t end = ticks() + number(1);
  while (ticks() < end) {
  }
  finish(0);
}
[[noreturn]] void loop() {
  for (;;) asm volatile("");
}
// How far it is can be seen from outside.
[[noreturn]] void loop_and_count() {
  asm volatile("li s11, 0\n1:\n\taddi s11, s11, 1\n\tj 1b");
  __builtin_unreachable();
}
void sleep_forever() {
  call(Syscall::kWaitMany, 0, 0, kNever);
  finish(1);
}

// What the start state promises.
void check_start() {
  EXPECT(start->magic == kStartMagic && start->version == kVersion);
  EXPECT(start->argument_count == 1);
  EXPECT(start->module != kNoHandle);
  EXPECT(start->stack_high % 16 == 0 && start->stack_low < start->stack_high);
  EXPECT(initialised == 7 && zeroed == 0);
  initialised = 8;
  zeroed = 9;
  std::uint64_t fcsr = 1;
  asm volatile("frcsr %0" : "=r"(fcsr));
  EXPECT(fcsr == 0);
  const auto* time = reinterpret_cast<const volatile TimePage*>(start->time_page);
  EXPECT(time->timebase_hz != 0 && time->multiplier != 0);
  const Result kernel_time = call(Syscall::kClockGet, 0);
  EXPECT(kernel_time.error == Error::kOk);
  finish(0);
}

// Reserves and commits, and ends with the address; the next guest finds the same address free.
void reserve_and_tell() {
  const Result reserved = call(Syscall::kMemoryReserve, kPageSize * 16);
  EXPECT(reserved.error == Error::kOk);
  finish(reserved.value);
}
// As above, but keeps a secret there and stays.
void keep_secret() {
  const Result reserved = call(Syscall::kMemoryReserve, kPageSize * 16);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kPageSize).error == Error::kOk);
  *reinterpret_cast<volatile std::uint64_t*>(reserved.value) = 0x5ec2e7;
  loop();
}

// The module is "abc", with zeros behind it to the end of the page, and cannot be written.
void check_module() {
  const auto* module = reinterpret_cast<const volatile char*>(start->module_address);
  EXPECT(start->module_bytes == 3);
  EXPECT(module[0] == 'a' && module[1] == 'b' && module[2] == 'c');
  for (std::uint64_t i = 3; i < kPageSize; ++i) EXPECT(module[i] == 0);
  EXPECT(call(Syscall::kRandom, start->module_address, 1).error == Error::kBadAddress);
  finish(0);
}
// A call whose argument is in the module.
void log_module() {
  finish(static_cast<std::uint64_t>(
      call(Syscall::kLog, start->module_address, start->module_bytes).error));
}

// Touches a guard of its own making.
void touch_guard() {
  const Result reserved = call(Syscall::kMemoryReserve, kPageSize * 4);
  EXPECT(call(Syscall::kMemoryGuard, reserved.value + kPageSize, kPageSize * 2).error ==
         Error::kOk);
  *reinterpret_cast<volatile char*>(reserved.value + kPageSize * 2) = 1;
  finish(1);
}

// Grows by a page at a time until it is refused, and asks so many times more. Ends with how many
// pages it got.
void grow() {
  constexpr std::uint64_t kAddresses = std::uint64_t{1} << 30;
  const Result reserved = call(Syscall::kMemoryReserve, kAddresses);
  EXPECT(reserved.error == Error::kOk);
  // In one step it is more than it may have.
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kAddresses).error == Error::kNoMemory);
  std::uint64_t pages = 0;
  std::uint64_t refused = 0;
  while (refused < number(1)) {
    const Result grown =
        call(Syscall::kMemoryCommit, reserved.value + pages * kPageSize, kPageSize);
    if (grown.error == Error::kOk) {
      *reinterpret_cast<volatile char*>(reserved.value + pages * kPageSize) = 1;
      EXPECT(refused == 0);
      ++pages;
    } else {
      EXPECT(grown.error == Error::kNoMemory);
      ++refused;
    }
  }
  finish(pages);
}

void use_memory() {
  constexpr std::uint64_t kSize = kPageSize * 64;
  const Result reserved = call(Syscall::kMemoryReserve, kSize);
  EXPECT(reserved.error == Error::kOk);
  auto* const bytes = reinterpret_cast<volatile std::uint8_t*>(reserved.value);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kSize).error == Error::kOk);
  for (std::uint64_t i = 0; i < kSize; i += kPageSize) {
    EXPECT(bytes[i] == 0);
    bytes[i] = static_cast<std::uint8_t>(i / kPageSize + 1);
  }
  EXPECT(call(Syscall::kMemoryDecommit, reserved.value, kSize / 2).error == Error::kOk);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kSize).error == Error::kOk);
  EXPECT(bytes[0] == 0 && bytes[kSize - kPageSize] == 64);
  EXPECT(call(Syscall::kMemoryRelease, reserved.value).error == Error::kOk);
  finish(0);
}

// Every call that takes an address, with addresses that are not ours.
void wild_pointers() {
  const std::uint64_t wild[] = {0,
                                8,
                                kRuntimeBase - 8,
                                start->stack_low - kPageSize,
                                start->address_space_end,
                                std::uint64_t{1} << 62,
                                std::uint64_t{0xffff'ffc0'0000'0000},
                                ~std::uint64_t{0} - 7};
  for (const std::uint64_t at : wild) {
    EXPECT(call(Syscall::kFileRead, start->module, at, 1, 0).error == Error::kBadAddress);
    EXPECT(call(Syscall::kHandleStat, start->module, at).error == Error::kBadAddress);
    EXPECT(call(Syscall::kRandom, at, 1).error == Error::kBadAddress);
    EXPECT(call(Syscall::kLog, at, 1).error == Error::kBadAddress);
    EXPECT(call(Syscall::kWaitMany, at, 1, 0).error == Error::kBadAddress);
    EXPECT(call(Syscall::kStreamWrite, 99, at, 1).error == Error::kBadHandle);
    EXPECT(call(Syscall::kDirectoryOpen, start->module, at, 1).error == Error::kBadHandle);
    EXPECT(call(Syscall::kFaultReturn, at).error == Error::kBadArgument);
    // The guard page is of a mapping that is ours: what we make of it is our own affair.
    if (at == start->stack_low - kPageSize) continue;
    EXPECT(call(Syscall::kMemoryCommit, at & ~(kPageSize - 1), kPageSize).error ==
           Error::kBadArgument);
    EXPECT(call(Syscall::kMemoryRelease, at).error == Error::kBadArgument);
  }
  // Read-only memory of ours is no place to write to.
  EXPECT(call(Syscall::kRandom, reinterpret_cast<std::uint64_t>(start), 1).error ==
         Error::kBadAddress);
  EXPECT(call(Syscall::kRandom, kRuntimeBase, 1).error == Error::kBadAddress);
  EXPECT(call(static_cast<Syscall>(9999)).error == Error::kBadCall);
  finish(0);
}

alignas(16) std::uint8_t upcall_stack[4096];
volatile std::uint64_t upcalls;

void handle_upcall(FaultFrame* frame) {
  upcalls = upcalls + 1;
  EXPECT(frame->kind == FaultKind::kLoad && frame->address == 0x1238);
  frame->registers[10] = 4711;  // a0, where the load would have put its value
  frame->pc += 4;
  call(Syscall::kFaultReturn, reinterpret_cast<std::uint64_t>(frame));
  finish(2);
}

std::uint64_t top_of_upcall_stack() {
  return reinterpret_cast<std::uint64_t>(upcall_stack) + sizeof upcall_stack;
}

void take_upcall() {
  EXPECT(call(Syscall::kFaultUpcall, reinterpret_cast<std::uint64_t>(&handle_upcall),
              top_of_upcall_stack())
             .error == Error::kOk);
  for (std::uint64_t round = 1; round <= 3; ++round) {
    register std::uint64_t a0 asm("a0") = 0x1238;
    register std::uint64_t s5 asm("s5") = round + 100;
    asm volatile(
        ".option push\n"
        ".option norvc\n"
        "ld a0, 0(a0)\n"
        ".option pop\n"
        : "+r"(a0), "+r"(s5)
        :
        : "memory");
    EXPECT(a0 == 4711 && s5 == round + 100 && upcalls == round);
  }
  finish(0);
}

void fault_again(FaultFrame*) {
  *reinterpret_cast<volatile std::uint8_t*>(0x666) = 1;
}

void fault_in_upcall() {
  call(Syscall::kFaultUpcall, reinterpret_cast<std::uint64_t>(&fault_again), top_of_upcall_stack());
  *reinterpret_cast<volatile std::uint8_t*>(0x555) = 1;
  finish(1);
}

extern "C" std::uint64_t probe_registers(std::uint64_t rounds, std::uint64_t until);

// All registers through system calls, yields and preemptions.
void keep_registers() {
  finish(probe_registers(1000, ticks() + number(1)));
}

struct RegisterRecord {
  std::uint64_t after[32];
  std::uint64_t saved[16];
  std::uint64_t number;
  std::uint64_t address;
  std::uint64_t argument;
};
static_assert(offsetof(RegisterRecord, saved) == 256 && offsetof(RegisterRecord, number) == 384 &&
                  offsetof(RegisterRecord, address) == 392 &&
                  offsetof(RegisterRecord, argument) == 400,
              "known to entry.S");
extern "C" void probe_all_registers(RegisterRecord* record);

// Whether a trap leaves every register as it was: results aside, if it is a call.
void trap_with_patterns(Syscall number, std::uint64_t argument, std::uint64_t address,
                        Error error) {
  constexpr std::size_t kSp = 2;
  constexpr std::size_t kT0 = 5;
  constexpr std::size_t kA0 = 10;
  constexpr std::size_t kA7 = 17;
  static RegisterRecord record;
  record.number = static_cast<std::uint64_t>(number);
  record.address = address;
  record.argument = argument;
  probe_all_registers(&record);
  for (std::size_t i = 1; i < 32; ++i) {
    std::uint64_t expected = 0x5a5a00 + i;
    if (i == kSp) expected = reinterpret_cast<std::uint64_t>(&record);
    if (i == kT0) expected = address;
    if (i == kA7) expected = record.number;
    if (i == kA0) expected = address != 0 ? argument : static_cast<std::uint64_t>(error);
    if (i == kA0 + 1 && address == 0) {
      if (number == Syscall::kClockGet) continue;
      expected = 0;
    }
    if (record.after[i] != expected) finish(100 + i);
  }
}

// No register may tell anything of the kernel, however short the way through it.
void keep_all_registers() {
  constexpr std::uint64_t kPages = 8;
  const Result reserved = call(Syscall::kMemoryReserve, kPageSize * kPages);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kPageSize * kPages).error == Error::kOk);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    trap_with_patterns(Syscall::kHandleClose, 0, 0, Error::kBadHandle);
    trap_with_patterns(Syscall::kClockGet, 0, 0, Error::kOk);
    trap_with_patterns(Syscall::kFaultUpcall, ~std::uint64_t{0}, 0, Error::kBadArgument);
    trap_with_patterns(Syscall::kYield, 0, 0, Error::kOk);
    trap_with_patterns(static_cast<Syscall>(0x1000'0000), 0, 0, Error::kBadCall);
    trap_with_patterns(Syscall::kHandleClose, 0, reserved.value + i * kPageSize, Error::kOk);
  }
  finish(0);
}

// Nothing but calls that return at once, for ever.
void call_forever() {
  for (;;) call(Syscall::kHandleClose, ~std::uint64_t{0});
}
// Nothing but page faults, and the calls that make them possible again.
void fault_forever() {
  constexpr std::uint64_t kSize = kPageSize * 16;
  const Result reserved = call(Syscall::kMemoryReserve, kSize);
  for (;;) {
    EXPECT(call(Syscall::kMemoryCommit, reserved.value, kSize).error == Error::kOk);
    for (std::uint64_t i = 0; i < kSize; i += kPageSize) {
      asm volatile("sd zero, 0(%0)" : : "r"(reserved.value + i) : "memory");
    }
    EXPECT(call(Syscall::kMemoryDecommit, reserved.value, kSize).error == Error::kOk);
  }
}

void write_output() {
  const char* const text = argument(1);
  std::uint64_t length = 0;
  while (text[length] != 0) ++length;
  for (std::uint64_t done = 0; done < length;) {
    const Result written = call(Syscall::kStreamWrite, start->stdout_stream,
                                reinterpret_cast<std::uint64_t>(text) + done, length - done);
    EXPECT(written.error == Error::kOk && written.value != 0);
    done += written.value;
  }
  finish(0);
}

void wait_for_input() {
  WaitItem item{start->stdin_stream, readiness::kReadable, 0, 0};
  const Result ready = call(Syscall::kWaitMany, reinterpret_cast<std::uint64_t>(&item), 1, kNever);
  EXPECT(ready.error == Error::kOk && ready.value == 1 && item.ready == readiness::kReadable);
  std::uint8_t byte = 0;
  const Result got =
      call(Syscall::kStreamRead, start->stdin_stream, reinterpret_cast<std::uint64_t>(&byte), 1);
  EXPECT(got.error == Error::kOk && got.value == 1);
  finish(byte);
}

// Each byte comes back; a zero is the last one.
void answer_input() {
  std::uint8_t byte = 0;
  const auto at = reinterpret_cast<std::uint64_t>(&byte);
  do {
    WaitItem item{start->stdin_stream, readiness::kReadable, 0, 0};
    EXPECT(call(Syscall::kWaitMany, reinterpret_cast<std::uint64_t>(&item), 1, kNever).error ==
           Error::kOk);
    EXPECT(call(Syscall::kStreamRead, start->stdin_stream, at, 1).value == 1);
    EXPECT(call(Syscall::kStreamWrite, start->stdout_stream, at, 1).value == 1);
  } while (byte != 0);
  finish(0);
}

std::uint64_t instructions() {
  std::uint64_t count = 0;
  asm volatile("rdinstret %0" : "=r"(count) : : "memory");
  return count;
}

// Instructions from user mode to user mode of a call that returns at once.
void count_call() {
  std::uint64_t least = ~std::uint64_t{0};
  for (int i = 0; i < 100; ++i) {
    register std::uint64_t a0 asm("a0") = 0;
    register std::uint64_t a1 asm("a1") = 0;
    register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(Syscall::kHandleClose);
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    asm volatile("rdinstret %2\n ecall\n rdinstret %3"
                 : "+r"(a0), "+r"(a1), "=&r"(before), "=&r"(after)
                 : "r"(a7)
                 : "memory");
    if (after - before < least) least = after - before;
  }
  finish(least);
}

// Instructions of a store to a page that is there on first use only, zeroing included.
// Pages of zeros, touched from the last one down: none follows another upwards, so each is one
// fault. Or upwards: the kernel goes ahead then, and the mean tells.
void count_fault() {
  constexpr std::uint64_t kPages = 400;
  const bool upwards = number(1) != 0;
  const Result reserved = call(Syscall::kMemoryReserve, kPageSize * kPages);
  EXPECT(reserved.error == Error::kOk);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, kPageSize * kPages).error == Error::kOk);
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t all = 0;
  for (std::uint64_t i = 0; i < kPages; ++i) {
    const std::uint64_t page = reserved.value + (upwards ? i : kPages - 1 - i) * kPageSize;
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    asm volatile("rdinstret %0\n sd zero, 0(%2)\n rdinstret %1"
                 : "=&r"(before), "=&r"(after)
                 : "r"(page)
                 : "memory");
    if (after - before < least) least = after - before;
    all += after - before;
  }
  finish(upwards ? all / kPages : least);
}

// Instructions of one step of `memory.grow`: 64 KiB more of a reservation of 8 GiB. Or of that and
// the first store to each of its pages.
void count_grow() {
  constexpr std::uint64_t kStep = std::uint64_t{64} << 10;
  constexpr std::uint64_t kSteps = 40;
  const bool touches = number(1) != 0;
  const Result reserved = call(Syscall::kMemoryReserve, std::uint64_t{8} << 30);
  EXPECT(reserved.error == Error::kOk);
  std::uint64_t all = 0;
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    const std::uint64_t more = reserved.value + i * kStep;
    const std::uint64_t before = instructions();
    EXPECT(call(Syscall::kMemoryCommit, more, kStep).error == Error::kOk);
    for (std::uint64_t at = 0; touches && at < kStep; at += kPageSize) {
      asm volatile("sd zero, 0(%0)" : : "r"(more + at) : "memory");
    }
    all += instructions() - before;
  }
  finish(all / kSteps);
}

// So many of everything that the kernel records of a guest, and nothing else of those kinds.
void be_traced() {
  const std::uint64_t count = number(1);
  for (std::uint64_t i = 0; i < count; ++i) EXPECT(call(Syscall::kYield).error == Error::kOk);
  for (std::uint64_t i = 0; i < count; ++i) {
    EXPECT(call(Syscall::kHandleClose, ~std::uint64_t{0}).error == Error::kBadHandle);
  }
  const Result reserved = call(Syscall::kMemoryReserve, 2 * count * kPageSize);
  EXPECT(reserved.error == Error::kOk);
  EXPECT(call(Syscall::kMemoryCommit, reserved.value, 2 * count * kPageSize).error == Error::kOk);
  // Downwards: each page is one fault.
  for (std::uint64_t i = count; i-- > 0;) {
    asm volatile("sd zero, 0(%0)" : : "r"(reserved.value + i * kPageSize) : "memory");
  }
  for (std::uint64_t i = 2 * count; i-- > count;) {
    EXPECT(call(Syscall::kRandom, reserved.value + i * kPageSize, 8).error == Error::kOk);
  }
  EXPECT(call(static_cast<Syscall>(0x1000'0000)).error == Error::kBadCall);
  finish(7);
}

struct Action {
  const char* name;
  void (*run)();
};

constexpr Action kActions[] = {
    {"start", check_start},
    {"exit", exit_with},
    {"read", read_memory},
    {"write", write_memory},
    {"jump", jump},
    {"satp", read_satp},
    {"reserve-misaligned", reserve_misaligned},
    {"sret", supervisor_return},
    {"ebreak", breakpoint},
    {"write-start-block", write_start_block},
    {"write-time-page", write_time_page},
    {"overflow-stack", overflow_stack},
    {"spin", spin},
    {"loop", loop},
    {"loop-and-count", loop_and_count},
    {"sleep", sleep_forever},
    {"reserve", reserve_and_tell},
    {"secret", keep_secret},
    {"memory", use_memory},
    {"module", check_module},
    {"log-module", log_module},
    {"guard", touch_guard},
    {"grow", grow},
    {"wild", wild_pointers},
    {"upcall", take_upcall},
    {"nested-upcall", fault_in_upcall},
    {"registers", keep_registers},
    {"all-registers", keep_all_registers},
    {"call-forever", call_forever},
    {"fault-forever", fault_forever},
    {"output", write_output},
    {"input", wait_for_input},
    {"answer", answer_input},
    {"count-call", count_call},
    {"count-fault", count_fault},
    {"count-grow", count_grow},
    {"be-traced", be_traced},
};

}  // namespace

extern "C" [[noreturn]] void probe_main(const StartBlock* block) {
  start = block;
  for (const Action& action : kActions) {
    if (equal(action.name, argument(0))) action.run();
  }
  finish(999);
}
