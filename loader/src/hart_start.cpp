// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstddef>
#include <optional>

#include "csr.hpp"
#include "harts.hpp"
#include "layout_constants.h"
#include "report.hpp"
#include "sbi.hpp"

extern "C" {
extern const char secondary_entry[];
// Where harts that lost the entry lottery look: the records and their number.
extern std::uint64_t __released_harts[2];
extern std::uint32_t __waiting_harts;
}

namespace quoll::loader {
namespace {

static_assert(offsetof(HartStart, stack_top) == QUOLL_HART_START_SP);
static_assert(offsetof(HartStart, tls) == QUOLL_HART_START_TP);
static_assert(offsetof(HartStart, satp) == QUOLL_HART_START_SATP);
static_assert(offsetof(HartStart, stub) == QUOLL_HART_START_STUB);
static_assert(offsetof(HartStart, entry) == QUOLL_HART_START_ENTRY);
static_assert(offsetof(HartStart, boot_info) == QUOLL_HART_START_BOOT_INFO);
static_assert(offsetof(HartStart, logical_id) == QUOLL_HART_START_LOGICAL_ID);
static_assert(offsetof(HartStart, hart_id) == QUOLL_HART_START_HART_ID);
static_assert(sizeof(HartStart) == QUOLL_HART_START_SIZE);
static_assert(offsetof(handoff::BootInfo, harts_left_loader) == QUOLL_BOOT_INFO_HARTS_LEFT);

std::uint64_t address_of(const void* object) noexcept {
  return std::bit_cast<std::uint64_t>(object);
}

using sbi::HartState;

// The hart's state, or nothing where the firmware knows no such hart.
std::optional<HartState> state_of(std::uint64_t hart_id) noexcept {
  const sbi::Answer answer = sbi::hart_status(hart_id);
  if (answer.error != sbi::Error::kSuccess) return std::nullopt;
  return static_cast<HartState>(answer.value);
}

// Whether more than `known` harts wait in our entry code, now or within the given time: one that
// the firmware has let in together with us may still be on its way.
bool another_arrives(std::uint32_t known, std::uint64_t patience_ticks) noexcept {
  const std::uint64_t start = read_time();
  do {
    if (__atomic_load_n(&__waiting_harts, __ATOMIC_ACQUIRE) > known) return true;
  } while (read_time() - start < patience_ticks);
  return false;
}

}  // namespace

std::size_t usable_harts(std::span<const std::uint64_t> candidates, std::span<std::uint64_t> usable,
                         std::uint64_t patience_ticks) noexcept {
  std::size_t count = 0;
  std::uint32_t waiting = 0;
  usable[count++] = candidates[0];
  for (const std::uint64_t id : candidates.subspan(1)) {
    const std::optional<HartState> state = state_of(id);
    if (state == HartState::kStopped) {
      usable[count++] = id;
    } else if ((state == HartState::kStarted || state == HartState::kStartPending) &&
               another_arrives(waiting, patience_ticks)) {
      usable[count++] = id;
      ++waiting;
    } else {
      warn("hart ", id, " cannot be started and is left out");
    }
  }
  return count;
}

void start_other_harts(std::span<const HartStart> records) noexcept {
  __released_harts[1] = records.size();
  __atomic_store_n(&__released_harts[0], address_of(records.data()), __ATOMIC_RELEASE);
  for (const HartStart& record : records.subspan(1)) {
    // SAFETY: orders the records before the start: the other hart reads memory at once.
    asm volatile("fence rw, rw" ::: "memory");
    sbi::Answer answer =
        sbi::hart_start(record.hart_id, address_of(secondary_entry), address_of(&record));
    if (answer.error == sbi::Error::kAlreadyAvailable) answer = sbi::send_ipi(record.hart_id);
    if (answer.error != sbi::Error::kSuccess) {
      fail("hart ", record.hart_id, " does not start: ", riscv::sbi::name(answer.error));
    }
  }
}

}  // namespace quoll::loader
