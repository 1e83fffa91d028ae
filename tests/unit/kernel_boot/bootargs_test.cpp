// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Each kind of argument, what is said of those that are wrong, and the page that shows the table.
#include <algorithm>
#include <array>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include <quoll/kernel/boot/bootargs_table.hpp>

namespace quoll::boot {
namespace {

std::vector<std::string>& complaints() {
  static std::vector<std::string> all;
  return all;
}
Arguments parse(std::string_view line) {
  complaints().clear();
  return parse_arguments(line, [](const Complaint& complaint) {
    std::array<char, kMaxDescription> text;
    complaints().emplace_back(describe(complaint, text));
  });
}
/// The line's one complaint.
std::string complaint_of(std::string_view line) {
  parse(line);
  return complaints().size() == 1 ? complaints().front()
                                  : std::to_string(complaints().size()) + " complaints";
}

TEST(Bootargs, SpacesAndSemicolonsSeparate) {
  const Arguments arguments =
      parse("  paging=sv39;log=debug,boot=warn ;; tests=Exec.*\tbench=boot\n");
  EXPECT_EQ(arguments.paging, bootargs::Paging::kSv39);
  EXPECT_EQ(arguments.log, "debug,boot=warn");
  EXPECT_EQ(arguments.tests, "Exec.*");
  EXPECT_EQ(arguments.bench, "boot");
  EXPECT_TRUE(complaints().empty());
}

TEST(Bootargs, DefaultsStandInTheTable) {
  for (const char* line : {"", " ; ;"}) {
    const Arguments arguments = parse(line);
    EXPECT_EQ(arguments.log, "warn");
    EXPECT_EQ(arguments.tests, "*");
    EXPECT_EQ(arguments.bench, "");
    EXPECT_EQ(arguments.paging, bootargs::Paging::kWidest);
    EXPECT_EQ(arguments.trace_size, 256u);
    EXPECT_EQ(arguments.tests_limit, 60'000'000'000u);
    EXPECT_FALSE(arguments.tests_list);
    EXPECT_FALSE(arguments.tests_shuffle.has_value());
    EXPECT_TRUE(complaints().empty());
  }
}

TEST(Bootargs, EachKindIsTyped) {
  const Arguments arguments =
      parse("tests.shuffle=0 tests.limit=10ms tests.list trace.size=64K tests=\"A.* B\" help=off");
  EXPECT_EQ(arguments.tests_shuffle, 0u);
  EXPECT_EQ(arguments.tests_limit, 10'000'000u);
  EXPECT_TRUE(arguments.tests_list);
  EXPECT_EQ(arguments.trace_size, 65536u);
  EXPECT_EQ(arguments.tests, "A.* B");
  EXPECT_FALSE(arguments.help);
  EXPECT_TRUE(complaints().empty());
}

TEST(Bootargs, TheLastOneThatIsUnderstoodWins) {
  EXPECT_EQ(parse("log=info log=error").log, "error");
  EXPECT_TRUE(complaints().empty());
  EXPECT_EQ(parse("trace.size=512 trace.size=1").trace_size, 512u);
  EXPECT_EQ(complaints().size(), 1u);
}

TEST(Bootargs, EachPartThatIsNotUnderstoodIsNamedOnceWithWhatWasExpected) {
  const Arguments arguments = parse("quiet log= paging root=/dev/vda log=info logs=debug =x");
  EXPECT_EQ(arguments.log, "info");
  EXPECT_EQ(arguments.paging, bootargs::Paging::kWidest);
  EXPECT_EQ(complaints(),
            (std::vector<std::string>{
                "quiet is not known", "log= needs a value; expected log=a list with commas",
                "paging needs a value; expected paging=widest, sv39, sv48 or sv57",
                "root=/dev/vda is not known", "logs=debug is not known", "=x is not known"}));
  EXPECT_EQ(complaint_of("paging=sv64"),
            "paging=sv64 is not understood; expected paging=widest, sv39, sv48 or sv57");
  EXPECT_EQ(complaint_of("tests.list=yes"),
            "tests.list=yes is not understood; expected tests.list=on or off");
  EXPECT_EQ(complaint_of("tests.limit=7"),
            "tests.limit=7 is not understood; expected tests.limit=a number with a unit "
            "(ns, us, ms, s), from 1ms to 3600s");
  EXPECT_EQ(complaint_of("tests.shuffle=x"),
            "tests.shuffle=x is not understood; expected tests.shuffle=a number");
  EXPECT_EQ(complaint_of("trace.size=2G"),
            "trace.size=2G is not understood; expected trace.size=a number, or one with K, M or "
            "G, from 128 to 4M");
  EXPECT_EQ(complaint_of("tests=a,,b"),
            "tests=a,,b is not understood; expected tests=a list with commas");
  EXPECT_EQ(complaint_of("tests=\"a"),
            "tests=\"a has a quote that does not enclose the value; expected tests=a list with "
            "commas");
  EXPECT_EQ(complaint_of("tests=\x1b[2J"),
            "tests=?[2J has characters that cannot be shown; expected tests=a list with commas");
}

TEST(Bootargs, ComplaintsAreShortAndPrintable) {
  const std::string told = complaint_of(std::string(100'000, 'x'));
  EXPECT_EQ(told, std::string(60, 'x') + "... is not known");
  for (unsigned byte = 0; byte < 256; ++byte) {
    parse(std::string("x") + static_cast<char>(byte) + "=1");
    for (const std::string& text : complaints()) {
      EXPECT_TRUE(bootargs::is_printable(text)) << byte;
    }
  }
}

TEST(Bootargs, ValuesMayHoldEqualsSigns) {
  EXPECT_EQ(parse("log=a=b=c").log, "a=b=c");
}

TEST(Bootargs, AnyBytesAreTaken) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kLikely = "log=paging;tests=\" \tbench=,.*";
  for (int round = 0; round < 20'000; ++round) {
    std::string line(random() % 40, '\0');
    for (char& c : line) {
      c = random() % 4 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    }
    const Arguments arguments = parse(line);
    for (const std::string_view value : {arguments.bench, arguments.tests_after}) {
      EXPECT_TRUE(bootargs::is_printable(value));
      EXPECT_TRUE(value.empty() || (value.data() >= line.data() &&
                                    value.data() + value.size() <= line.data() + line.size()));
    }
  }
}

TEST(BootargsTable, IsSound) {
  const auto table = argument_table();
  EXPECT_TRUE(std::ranges::is_sorted(table, {}, &Argument::name));
  EXPECT_EQ(std::ranges::adjacent_find(table, {}, &Argument::name), table.end());
  for (const Argument& argument : table) {
    std::array<char, kMaxDescription> text;
    EXPECT_FALSE(argument.help.empty()) << argument.name;
    EXPECT_LT(describe(argument, text).size(), text.size()) << argument.name;
    if (argument.initial.empty()) continue;
    // The default is a value that the argument takes, and changes nothing.
    parse(std::string(argument.name) + "=" + std::string(argument.initial));
    EXPECT_TRUE(complaints().empty()) << argument.name;
  }
}

/// The page's row for an argument.
std::string row_of(const Argument& argument) {
  std::array<char, kMaxDescription> values;
  std::string row = "| `" + std::string(argument.name) + "` | ";
  row += describe_values(argument, values);
  row += argument.initial.empty() ? " | none | " : " | `" + std::string(argument.initial) + "` | ";
  row += argument.help;
  return row + " |";
}

TEST(BootargsTable, IsWhatThePageShows) {
  std::ifstream page(QUOLL_BOOTARGS_PAGE);
  ASSERT_TRUE(page.is_open());
  std::vector<std::string> rows;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  std::vector<std::string> expected;
  for (const Argument& argument : argument_table()) expected.push_back(row_of(argument));
  std::string all;
  for (const std::string& row : expected) all += row + "\n";
  EXPECT_EQ(rows, expected) << "docs/bootargs.md should hold\n" << all;
}

}  // namespace
}  // namespace quoll::boot
