// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every argument, in one table.
#include <type_traits>

#include <quoll/bootargs/backtrace.hpp>
#include <quoll/bootargs/paging.hpp>
#include <quoll/kernel/boot/bootargs_table.hpp>

namespace quoll::boot {
namespace {

using bootargs::Unit;
constexpr std::uint64_t kAny = ~std::uint64_t{0};
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMillisecond;

template <auto Field>
using FieldType = std::remove_cvref_t<decltype(std::declval<Arguments>().*Field)>;

/// How a value gets into its field.
template <auto Field>
void store(Arguments& arguments, const Value& value) noexcept {
  using T = FieldType<Field>;
  if constexpr (std::is_same_v<T, std::string_view>) {
    arguments.*Field = value.text;
  } else if constexpr (std::is_same_v<T, bool>) {
    arguments.*Field = value.number != 0;
  } else if constexpr (std::is_enum_v<T>) {
    arguments.*Field = static_cast<T>(value.number);
  } else {
    static_assert(std::is_constructible_v<T, std::uint64_t>);
    arguments.*Field = value.number;
  }
}

/// Any text; with spaces, in quotes.
template <auto Field>
consteval Argument text(std::string_view name, std::string_view initial, std::string_view help) {
  return {.name = name, .initial = initial, .help = help, .store = store<Field>};
}
/// Texts with commas between them. Who uses them looks at each.
template <auto Field>
consteval Argument list(std::string_view name, std::string_view initial, std::string_view help) {
  Argument row = text<Field>(name, initial, help);
  row.type = ArgumentType::kList;
  return row;
}
template <auto Field>
consteval Argument number(std::string_view name, std::string_view initial, Unit unit,
                          std::uint64_t least, std::uint64_t most, std::string_view help) {
  Argument row = text<Field>(name, initial, help);
  row.type = ArgumentType::kNumber;
  row.unit = unit;
  row.least = least;
  row.most = most;
  return row;
}
/// `name` alone says on.
template <auto Field>
consteval Argument onoff(std::string_view name, std::string_view initial, std::string_view help) {
  Argument row = text<Field>(name, initial, help);
  row.type = ArgumentType::kSwitch;
  return row;
}
template <auto Field>
consteval Argument word(std::string_view name, std::string_view initial,
                        std::span<const bootargs::Word> words, std::string_view help) {
  Argument row = text<Field>(name, initial, help);
  row.type = ArgumentType::kWord;
  row.words = words;
  return row;
}

constexpr bootargs::Word kLogColours[] = {
    {"off", static_cast<std::uint64_t>(LogColour::kOff)},
    {"port", static_cast<std::uint64_t>(LogColour::kPort)},
    {"on", static_cast<std::uint64_t>(LogColour::kOn)},
};

constexpr bootargs::Word kPlacements[] = {
    {"random", static_cast<std::uint64_t>(GuestPlacement::kRandom)},
    {"lowest", static_cast<std::uint64_t>(GuestPlacement::kLowest)},
};

// By name. A new row also goes into docs/bootargs.md; a test compares them.
constexpr Argument kTable[] = {
    word<&Arguments::backtrace>("backtrace", "short", bootargs::kBacktraceWords,
                                "how much a panic and a program's trap tell of what was called"),
    text<&Arguments::bench>("bench", "", "the group of counts that is measured and printed"),
    onoff<&Arguments::help>("help", "off", "prints this table on the console, then goes on"),
    list<&Arguments::log>("log", "warn", "LEVEL[,TARGET=LEVEL...]: which log lines are wanted"),
    word<&Arguments::log_colour>("log.colour", "off", kLogColours,
                                 "colours of log lines: on the log's port, or on the console too"),
    word<&Arguments::paging>(bootargs::kPagingName, "widest", bootargs::kPagingWords,
                             "the paging mode; the widest is the widest that all harts have"),
    word<&Arguments::placement>(
        "placement", "random", kPlacements,
        "where guests' memory lies: the lowest place helps to compare runs"),
    list<&Arguments::tests>("tests", "*", "which kernel tests run (test image only)"),
    text<&Arguments::tests_after>("tests.after", "", "leaves out that test and all before it"),
    number<&Arguments::tests_limit>("tests.limit", "60s", Unit::kTime, kMillisecond, 3600 * kSecond,
                                    "guest time that each test may take which does not say"),
    onoff<&Arguments::tests_list>("tests.list", "off", "prints the tests' names and runs none"),
    number<&Arguments::tests_shuffle>("tests.shuffle", "", Unit::kNone, 0, kAny,
                                      "the seed of another order; 0: any, which is printed"),
    list<&Arguments::trace>("trace", "on", "what is recorded: on, off, or groups of events"),
    number<&Arguments::trace_size>("trace.size", "256", Unit::kBytes, 128, 1 << 22,
                                   "how many records each hart keeps, a power of two or rounded"),
    number<&Arguments::watchdog_hart>(
        "watchdog.hart", "10s", Unit::kTime, 0, 3600 * kSecond,
        "how long a hart may stay away from its scheduler unreported; 0s: for ever"),
    number<&Arguments::watchdog_lock>(
        "watchdog.lock", "5s", Unit::kTime, 0, 3600 * kSecond,
        "how long a hart may wait for a spin lock unreported; 0s: for ever"),
};

}  // namespace

std::span<const Argument> argument_table() noexcept {
  return kTable;
}

}  // namespace quoll::boot
