// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pointers, jumps and instructions that no kernel should have: "Pointers, jumps, instructions" of
// docs/panic.md.
#include <array>
#include <cstring>

#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/mem/address.hpp>

#include "failures_support.hpp"

namespace quoll::failures {
namespace {

constexpr std::array<std::uint32_t, 4> kConstants{1, 2, 3, 4};
constexpr std::uint32_t kReturn = 0x0000'8067;
constinit std::array<std::uint32_t, 2> data{kReturn, 0};

/// The last page of the address space, which nobody maps.
constexpr std::uint64_t kNowhere = ~std::uint64_t{0xfff};

struct Object {
  std::uint64_t fields[5];
};

class Shape {
 public:
  virtual unsigned corners() const noexcept { return 0; }
  /// Where its functions are looked up.
  std::uint64_t table() const noexcept {
    // The first word of an object with virtual functions.
    std::uint64_t first = 0;
    std::memcpy(&first, opaque(static_cast<const void*>(this)), sizeof first);
    return first;
  }

 protected:
  ~Shape() = default;
};
class Square final : public Shape {
 public:
  unsigned corners() const noexcept override { return 4; }
};

QUOLL_NAMED void read_null() {
  (void)*somewhere(0);
}
KTEST_DEATH(Failures, NullRead, says("null pointer: load page fault …"), names("read_null")) {
  read_null();
}

QUOLL_NAMED void write_null() {
  somewhere<Object>(0)->fields[4] = 1;
}
KTEST_DEATH(Failures, NullWrite, says("null pointer: store page fault …"), names("write_null")) {
  write_null();
}

QUOLL_NAMED void call_null() {
  function_at(0)();
}
/// Somebody awaits it: the report says who.
async::Task<void> await_null_call() {
  call_null();
  co_return;
}
KTEST_TASK_DEATH(Failures, NullCall, says("wild jump: instruction page fault …"),
                 names("call_null")) {
  (void)co_await await_null_call().checked();
}

QUOLL_NAMED void read_wild() {
  (void)*somewhere(0x0123'4567'89ab'cde8);
}
KTEST_DEATH(Failures, WildRead, says("kernel fault: load … fault …"), names("read_wild")) {
  read_wild();
}

QUOLL_NAMED void jump_wild() {
  function_at(kNowhere)();
}
KTEST_DEATH(Failures, WildJump, says("wild jump: instruction page fault …"), names("jump_wild")) {
  jump_wild();
}

QUOLL_NAMED void jump_misaligned() {
  asm volatile(
      "lla t0, 1f\n"
      "addi t0, t0, 1\n"
      "jalr t0\n"
      "1: .2byte 0"
      :
      :
      : "t0", "ra", "memory");
}
KTEST_DEATH(Failures, MisalignedJump, says("kernel fault: illegal instruction …"),
            names("jump_misaligned")) {
  jump_misaligned();
}

QUOLL_NAMED void execute_data() {
  function_at(mem::address_of(&data).value())();
}
KTEST_DEATH(Failures, ExecuteData, says("wild jump: instruction page fault …"),
            names("execute_data")) {
  execute_data();
}

QUOLL_NAMED void execute_stack() {
  volatile std::uint32_t code[2] = {kReturn, 0};
  function_at(mem::address_of(const_cast<const std::uint32_t*>(code)).value())();
}
KTEST_DEATH(Failures, ExecuteStack, says("wild jump: instruction page fault …"),
            names("execute_stack")) {
  execute_stack();
}

QUOLL_NAMED void execute_user(std::uint64_t address) {
  function_at(address)();
}
KTEST_DEATH(Failures, ExecuteUser, says("wild jump: instruction page fault …"),
            names("execute_user")) {
  execute_user(address_of_user_page(true));
}

QUOLL_NAMED void add_misaligned() {
  std::uint64_t words[2] = {1, 2};
  const std::uint64_t address = mem::address_of(words).value() + 1;
  asm volatile("amoadd.d zero, zero, (%0)" : : "r"(address) : "memory");
}
KTEST_DEATH(Failures, MisalignedAtomic, says("kernel fault: misaligned …"),
            names("add_misaligned")) {
  add_misaligned();
}

QUOLL_NAMED void reserve_misaligned() {
  std::uint64_t words[2] = {1, 2};
  const std::uint64_t address = mem::address_of(words).value() + 1;
  asm volatile("lr.d zero, (%0)" : : "r"(address) : "memory");
}
KTEST_DEATH(Failures, MisalignedReservation, says("kernel fault: misaligned load …"),
            names("reserve_misaligned")) {
  reserve_misaligned();
}

QUOLL_NAMED void execute_zero() {
  asm volatile(".4byte 0");
}
KTEST_DEATH(Failures, IllegalInstruction, says("kernel fault: illegal instruction …"),
            names("execute_zero")) {
  execute_zero();
}

QUOLL_NAMED void read_mstatus() {
  std::uint64_t value = 0;
  asm volatile("csrr %0, mstatus" : "=r"(value));
}
KTEST_DEATH(Failures, IllegalCsr, says("kernel fault: illegal instruction …"),
            names("read_mstatus")) {
  read_mstatus();
}

QUOLL_NAMED void use_float() {
  asm volatile(
      ".option push\n"
      ".option arch, +f, +d\n"
      "fmv.d.x f0, zero\n"
      ".option pop");
}
KTEST_DEATH(Failures, FloatInKernel, says("kernel fault: illegal instruction …"),
            names("use_float")) {
  use_float();
}

QUOLL_NAMED void run_into_breakpoint() {
  asm volatile("ebreak");
}
KTEST_DEATH(Failures, Breakpoint, says("kernel fault: breakpoint …"),
            names("run_into_breakpoint")) {
  run_into_breakpoint();
}

[[gnu::always_inline]] inline void trap_inlined(unsigned value) {
  if (value == 1) __builtin_trap();
}
QUOLL_NAMED void trap_somewhere_inside() {
  trap_inlined(opaque(1U));
}
KTEST_DEATH(Failures, BuiltinTrap, says("kernel fault: …"),
            names("trap_inlined (inlined)", "trap_somewhere_inside")) {
  trap_somewhere_inside();
}

QUOLL_NAMED void write_code() {
  // SAFETY: the address of a function's code, as a number.
  *somewhere<std::uint16_t>(reinterpret_cast<std::uint64_t>(&read_null)) = 0;
}
KTEST_DEATH(Failures, WriteToCode, says("kernel fault: store page fault …"), names("write_code")) {
  write_code();
}

QUOLL_NAMED void write_constant() {
  *somewhere<std::uint32_t>(mem::address_of(&kConstants).value()) = 0;
}
KTEST_DEATH(Failures, WriteToConstants, says("kernel fault: store page fault …"),
            names("write_constant")) {
  write_constant();
}

QUOLL_NAMED void write_vtable(const Shape& shape) {
  *somewhere(shape.table()) = 0;
}
KTEST_DEATH(Failures, WriteToRelro, says("kernel fault: store page fault …"),
            names("write_vtable")) {
  const Square square;
  write_vtable(square);
}

QUOLL_NAMED void write_physmap() {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  // Code runs in place in the ELF file: every page of it is closed to writes there too.
  *somewhere(info.physmap.to_virtual(info.kernel_elf.start)) = 0;
}
KTEST_DEATH(Failures, WriteToCodeThroughPhysmap, says("kernel fault: store page fault …"),
            names("write_physmap")) {
  write_physmap();
}

QUOLL_NAMED void read_user(std::uint64_t address) {
  (void)*somewhere(address);
}
KTEST_DEATH(Failures, UserMemoryWithoutCopy, says("user memory: load page fault …"),
            names("read_user")) {
  read_user(address_of_user_page(false));
}

QUOLL_NAMED void read_nothing(volatile void* registers) {
  (void)*static_cast<volatile std::uint32_t*>(registers);
}
KTEST_DEATH(Failures, BusError, says("kernel fault: load access fault …"), names("read_nothing")) {
  // Between the devices of this machine, where none answers.
  const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(0x0800'0000), 4);
  ASSERT_TRUE(range.has_value());
  const auto window = vm::kernel_space().map_device(*range);
  ASSERT_TRUE(window.has_value());
  read_nothing(*window);
}

QUOLL_NAMED void write_unmapped_device() {
  // The interrupt controller, as if the physical map reached beyond memory.
  *somewhere<std::uint32_t>(
      vm::frames().phys_map().to_virtual(mem::PhysicalAddress(0x0c00'0000)).value()) = 0;
}
KTEST_DEATH(Failures, UnmappedDevice, says("kernel fault: store … fault …"),
            names("write_unmapped_device")) {
  write_unmapped_device();
}

}  // namespace
}  // namespace quoll::failures
