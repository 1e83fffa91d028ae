// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "translate/handler_numbers.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "interpret/handlers.hpp"

namespace quoll::wasm {

namespace {

// How many values a parameter of each type has, all from 0 on.
template <typename T>
constexpr std::uint32_t kValues = 0;
template <>
constexpr std::uint32_t kValues<bool> = 2;
template <>
constexpr std::uint32_t kValues<unsigned> = 3;  // how many integer locals are pinned
template <>
constexpr std::uint32_t kValues<Width> = 2;
template <>
constexpr std::uint32_t kValues<Reach> = 2;
template <>
constexpr std::uint32_t kValues<Operand> = kOperandClasses;
template <>
constexpr std::uint32_t kValues<Addressing> = 4;
template <>
constexpr std::uint32_t kValues<Lanes> = static_cast<std::uint32_t>(Lanes::kF64x2) + 1;
template <>
constexpr std::uint32_t kValues<Operation> = static_cast<std::uint32_t>(Operation::kSatZeroU) + 1;
template <>
constexpr std::uint32_t kValues<Opcode> = static_cast<std::uint32_t>(kOpcodes.size());

/// Calls `find` with all values of the parameters that are not in `chosen`, in order, and gives
/// `take` what comes back.
template <typename Take, typename Find, typename... Chosen>
void each(Take& take, Find find, Chosen... chosen) {
  take(find(chosen...));
}
template <typename Next, typename... Rest, typename Take, typename Find, typename... Chosen>
  requires(kValues<Next> != 0)
void each(Take& take, Find find, Chosen... chosen) {
  for (std::uint32_t i = 0; i < kValues<Next>; ++i) {
    each<Rest...>(take, find, chosen..., static_cast<Next>(i));
  }
}
template <typename Take, typename... Parameters>
void all_of(Take& take, Handler (*find)(Parameters...)) {
  each<Parameters...>(take, find);
}

}  // namespace

namespace handlers {
namespace {

/// Every function of handlers.hpp, in its order. A new one goes to the end: numbers stay.
template <typename Take>
void each_handler(Take& take) {
  const auto all = [&take](auto... finds) { (all_of(take, finds), ...); };
  all(&int_binary, &int_compare, &int_unary, &float_binary, &float_compare, &float_unary,
      &int_to_float, &float_to_int, &float_to_float);
  all(&branch, &branch_if, &compare_branch, &float_compare_branch, &branch_table);
  all(&int_load, &int_store, &float_load, &float_store);
  all(&store, &move, &store_constant, &move_constant, &float_store_slot, &float_move,
      &float_move_constant, &wide_move, &wide_move_vector, &copy_slots, &zero_slots, &select,
      &global_get, &global_set);
  all(&vector_arithmetic, &vector_bitwise, &vector_compare, &vector_convert, &vector_swizzle,
      &vector_shift, &vector_reduce, &vector_const, &vector_splat, &vector_extract, &vector_replace,
      &vector_shuffle, &vector_load, &vector_store, &vector_select, &vector_global_get,
      &vector_global_set);
  all(&enter, &call, &call_foreign, &call_indirect, &tail_call, &tail_call_foreign,
      &tail_call_indirect, &return_nothing, &return_int, &return_float, &return_vector,
      &look_for_interruption);
  all(&unreachable, &memory_size, &memory_grow, &memory_copy, &memory_fill, &memory_init,
      &data_drop, &table_get, &table_set, &table_size, &table_grow, &table_fill, &table_copy,
      &table_init, &elem_drop);
}

}  // namespace
}  // namespace handlers

bool HandlerNumbers::build() {
  bool complete = true;
  std::uint32_t number = 0;
  const auto take = [&](Handler handler) {
    const std::uint32_t own = number++;
    if (handler == nullptr) return;
    const Entry entry{std::bit_cast<std::uint64_t>(handler), own};
    complete = complete && entries_.try_push_back(entry);
  };
  entries_.clear();
  handlers::each_handler(take);
  if (!complete) return false;
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.address != b.address ? a.address < b.address : a.number < b.number;
  });
  Entry* const end =
      std::unique(entries_.begin(), entries_.end(),
                  [](const Entry& a, const Entry& b) { return a.address == b.address; });
  entries_.truncate(static_cast<std::size_t>(end - entries_.begin()));
  return true;
}

std::optional<std::uint32_t> HandlerNumbers::find(std::uint64_t address) const {
  const Entry* const at =
      std::lower_bound(entries_.begin(), entries_.end(), address,
                       [](const Entry& entry, std::uint64_t a) { return entry.address < a; });
  if (at == entries_.end() || at->address != address) return std::nullopt;
  return at->number;
}

}  // namespace quoll::wasm
