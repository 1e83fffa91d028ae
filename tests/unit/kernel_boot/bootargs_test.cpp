// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include <quoll/kernel/boot/bootargs.hpp>

namespace quoll::boot {
namespace {

std::vector<std::string>& complaints() {
  static std::vector<std::string> all;
  return all;
}
Arguments parse(std::string_view line) {
  complaints().clear();
  return parse_arguments(line, [](std::string_view part, const char* why) {
    complaints().push_back(std::string(part) + " " + why);
  });
}

TEST(Bootargs, SpacesAndSemicolonsSeparate) {
  const Arguments arguments =
      parse("  paging=sv39;log=debug,boot=warn ;; tests=Exec.*\tbench=boot\n");
  EXPECT_EQ(arguments.paging, "sv39");
  EXPECT_EQ(arguments.log, "debug,boot=warn");
  EXPECT_EQ(arguments.tests, "Exec.*");
  EXPECT_EQ(arguments.bench, "boot");
  EXPECT_TRUE(complaints().empty());
}

TEST(Bootargs, NothingIsFine) {
  EXPECT_EQ(parse("").log, "");
  EXPECT_EQ(parse(" ; ;").log, "");
  EXPECT_TRUE(complaints().empty());
}

TEST(Bootargs, TheLastOneWins) {
  EXPECT_EQ(parse("log=info log=error").log, "error");
}

TEST(Bootargs, EachPartThatIsNotUnderstoodIsNamedOnce) {
  const Arguments arguments = parse("quiet log= paging root=/dev/vda log=warn logs=debug =x");
  EXPECT_EQ(arguments.log, "warn");
  EXPECT_EQ(arguments.paging, "");
  EXPECT_EQ(complaints(),
            (std::vector<std::string>{"quiet is not known", "log= needs a value",
                                      "paging needs a value", "root=/dev/vda is not known",
                                      "logs=debug is not known", "=x is not known"}));
}

TEST(Bootargs, ValuesMayHoldEqualsSigns) {
  EXPECT_EQ(parse("log=a=b=c").log, "a=b=c");
}

TEST(Bootargs, AnyBytesAreTaken) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kLikely = "log=paging;tests= \tbench=,.*";
  for (int round = 0; round < 20'000; ++round) {
    std::string line(random() % 40, '\0');
    for (char& c : line) {
      c = random() % 4 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    }
    const Arguments arguments = parse(line);
    for (const std::string_view value :
         {arguments.log, arguments.paging, arguments.tests, arguments.bench}) {
      EXPECT_EQ(value.find_first_of(" ;\t\n"), std::string_view::npos);
      EXPECT_TRUE(value.empty() || (value.data() >= line.data() &&
                                    value.data() + value.size() <= line.data() + line.size()));
    }
  }
}

}  // namespace
}  // namespace quoll::boot
