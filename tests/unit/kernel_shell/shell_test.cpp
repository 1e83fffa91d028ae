// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The prompt over streams in memory and a fake machine.
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include <quoll/kernel/shell/shell.hpp>
#include <quoll/test_support/panic.hpp>

#include "../kernel_guest/fake_stream.hpp"
#include "../kernel_guest/guest_fixture.hpp"
#include "../kernel_guest/test_scheduler.hpp"

namespace quoll::shell {
namespace {

class FakeHost final : public Host {
 public:
  FakeHost()
      : image_(guest::pack({{"bin/hello.wasm", "wasm"},
                            {"bin/exact", "wasm"},
                            {"etc/motd", "welcome\n"},
                            {"top.wasm", "x"}})),
        archive_(*archive::Archive::open(image_)) {}

  struct Started {
    std::string file;
    std::vector<std::string> arguments;
    bool background = false;
    guest::GuestEnd end;
    bool ended = true;
  };
  std::vector<Started> started;
  guest::GuestEnd next_end;
  const char* refuse = nullptr;
  bool broken = false;

  const archive::Archive& archive() const noexcept override { return archive_; }
  std::string_view version() const override { return "Test 1"; }
  MemoryInfo memory() const override {
    if (broken) test_support::panic();
    return {8192, 2048, 4096};
  }
  std::optional<HartInfo> hart(unsigned number) const override {
    if (number == 0) return HartInfo{.hardware_id = 4, .resumed = 12, .timer = 3, .devices = 2};
    if (number != 1) return std::nullopt;
    return HartInfo{.hardware_id = 7,
                    .cluster = 1,
                    .core = 2,
                    .thread = 3,
                    .cache = 5,
                    .resumed = 9'999'999'999,
                    .parks = 21,
                    .others = 100,
                    .wakes = 90,
                    .kicks = 15,
                    .watch = 1};
  }
  std::optional<SourceInfo> source(std::uint32_t number) const override {
    switch (number) {
      case 1:
        return SourceInfo{.hart = std::nullopt, .count = 4, .strays = 4};
      case 10:
        return SourceInfo{.hart = 1, .priority = 7, .count = 33};
      case 11:
        return SourceInfo{.hart = 0, .priority = 1};
      default:
        return number < 12 ? std::optional(SourceInfo{}) : std::nullopt;
    }
  }
  std::uint64_t interrupts(std::uint32_t source, unsigned hart) const override {
    if (source == 1) return hart == 0 ? 4 : 0;
    return source == 10 ? 11 * (hart + 1) : 0;
  }
  async::Ticks soon() const noexcept override { return ++clock_; }
  async::Ticks clock() const { return clock_; }
  base::Result<Job, const char*> start(const Program& program) override {
    if (refuse != nullptr) return base::err(refuse);
    Started s;
    s.file = archive_.node(program.file).name;
    for (const std::string_view argument : program.arguments) s.arguments.emplace_back(argument);
    s.background = program.background;
    s.end = next_end;
    s.ended = !program.background;
    started.push_back(s);
    return Job{started.size()};
  }
  async::Task<base::Result<guest::GuestEnd, async::WaitError>> wait(Job job) override {
    co_return started[job - 1].end;
  }
  bool poll(Job job, guest::GuestEnd& end) override {
    end = started[job - 1].end;
    return started[job - 1].ended;
  }
  bool kill(Job job) override {
    killed.push_back(job);
    started[job - 1].end.reason = guest::EndReason::kInterrupted;
    started[job - 1].ended = true;
    return true;
  }
  std::vector<Job> killed;
  void list(void (*each)(void*, const ProgramInfo&), void* context) override {
    each(context, {7, "seven", "checked", 12'345'678'901, 3});
    each(context, {18, "eight teen", "guarded", 999'999, std::nullopt});
  }

 private:
  std::vector<std::byte> image_;
  archive::Archive archive_;
  mutable async::Ticks clock_ = 0;
};

/// Input for which there is sometimes no memory.
class StarvedStream final : public device::ByteStream {
 public:
  StarvedStream(device::ByteStream& stream, int after, int times)
      : stream_(stream), after_(after), times_(times) {}

  test::FakeStream::Moved read(std::span<std::byte> into, async::CancelToken token) override {
    if (after_-- <= 0 && times_-- > 0) return {};  // as if its coroutine could not be made
    return stream_.read(into, token);
  }
  test::FakeStream::Moved write(std::span<const std::byte> from,
                                async::CancelToken token) override {
    return stream_.write(from, token);
  }
  bool readable() noexcept override { return stream_.readable(); }
  bool writable() noexcept override { return stream_.writable(); }
  void watch(device::Watcher& watcher) noexcept override { stream_.watch(watcher); }
  void unwatch(device::Watcher& watcher) noexcept override { stream_.unwatch(watcher); }

 private:
  device::ByteStream& stream_;
  int after_;
  int times_;
};

class ShellTest : public ::testing::Test {
 protected:
  // Everything that is printed for `input`, without banner and prompts.
  std::string answer(const std::string& input) {
    const std::string all = session(input);
    const std::string banner = "Test 1\nType help for the commands.\n";
    EXPECT_EQ(all.substr(0, banner.size()), banner);
    std::string out = all.substr(banner.size());
    for (std::size_t at; (at = out.find("quoll> ")) != std::string::npos;) out.erase(at, 7);
    return out;
  }
  std::string session(const std::string& input) {
    test::TestScheduler scheduler;
    test::FakeStream in(input, true);
    test::FakeStream out;
    Shell shell(host_, in, out);
    test::Running<base::Result<std::uint8_t, device::StreamError>> running(scheduler,
                                                                           shell.serve());
    EXPECT_TRUE(running.done());
    status_ = running.result() ? *running.result() : -1;
    return out.written();
  }
  FakeHost host_;
  int status_ = -1;
};

TEST_F(ShellTest, PromptsAndEndsWithItsInput) {
  EXPECT_EQ(session(""), "Test 1\nType help for the commands.\nquoll> \n");
  EXPECT_EQ(status_, 0);
}

TEST_F(ShellTest, OutlivesAWantOfMemoryAndKeepsWhatWasTyped) {
  constexpr int kTimes = 3;
  test::TestScheduler scheduler;
  test::FakeStream typed("version\n", true);
  StarvedStream in(typed, 4, kTimes);
  test::FakeStream out;
  Shell shell(host_, in, out);
  test::Running<base::Result<std::uint8_t, device::StreamError>> running(scheduler, shell.serve());
  for (int i = 1; i <= kTimes; ++i) {
    EXPECT_FALSE(running.done());
    EXPECT_EQ(host_.clock(), static_cast<async::Ticks>(i));
    scheduler.advance_to(host_.clock());
  }
  ASSERT_TRUE(running.done());
  EXPECT_TRUE(running.result().has_value());
  EXPECT_EQ(out.written(),
            "Test 1\nType help for the commands.\nquoll> error: out of memory\n"
            "Test 1\nquoll> \n");
}

TEST_F(ShellTest, CommandsAreMatchedWhole) {
  EXPECT_EQ(answer("versio\nversions\nVERSION\n"),
            "error: no command 'versio'; try help\nerror: no command 'versions'; try help\n"
            "error: no command 'VERSION'; try help\n\n");
  EXPECT_EQ(answer("version"), "Test 1\n\n");
  EXPECT_EQ(answer("version x\nversion &\n"), "usage: version \nusage: version \n\n");
}

TEST_F(ShellTest, ShutdownSetsTheStatusAndReadsNoFurther) {
  EXPECT_EQ(answer("shutdown\nversion\n"), "");
  EXPECT_EQ(status_, 0);
  answer("shutdown 200\n");
  EXPECT_EQ(status_, 200);
  EXPECT_EQ(
      answer("shutdown 256\nshutdown x\nshutdown -1\nshutdown 1x\n"),
      "shutdown: a status is a number from 0 to 255\nshutdown: a status is a number from 0 to 255\n"
      "shutdown: a status is a number from 0 to 255\nshutdown: a status is a number from 0 to "
      "255\n\n");
}

TEST_F(ShellTest, GoesOnWhenACommandPanics) {
  host_.broken = true;
  EXPECT_EQ(answer("mem\nversion\n"), "mem: panicked\nTest 1\n\n");
  EXPECT_EQ(status_, 0);
}

TEST_F(ShellTest, SaysThatAPanicEndedAProgram) {
  host_.next_end.reason = guest::EndReason::kPanicked;
  EXPECT_EQ(answer("run hello\n"), "hello: killed by a kernel panic (status 125)\n\n");
}

TEST_F(ShellTest, ListsAndPrintsFiles) {
  EXPECT_EQ(answer("ls\n"), "exact 4\nhello.wasm 4\n\n");
  EXPECT_EQ(answer("ls /\n"), "bin/\netc/\ntop.wasm 1\n\n");
  EXPECT_EQ(answer("ls bin\nls /etc/motd\nls nowhere\n"),
            "exact 4\nhello.wasm 4\n8 /etc/motd\nls: nowhere: no such file\n\n");
  EXPECT_EQ(answer("cat etc/motd\ncat etc\ncat x\ncat\n"),
            "welcome\ncat: etc: is a directory\ncat: x: no such file\nusage: cat FILE\n\n");
}

TEST_F(ShellTest, RunsProgramsByNameAndPath) {
  EXPECT_EQ(answer("run hello a 'b c'\nrun exact\nrun top.wasm\nrun /top.wasm\nrun\n"),
            "run: top.wasm: no such file (status 127)\nusage: run NAME [ARG...] [&]\n\n");
  ASSERT_EQ(host_.started.size(), 3u);
  EXPECT_EQ(host_.started[0].file, "hello.wasm");
  EXPECT_EQ(host_.started[0].arguments, (std::vector<std::string>{"hello", "a", "b c"}));
  EXPECT_FALSE(host_.started[0].background);
  EXPECT_EQ(host_.started[1].file, "exact");
  EXPECT_EQ(host_.started[2].file, "top.wasm");
}

TEST_F(ShellTest, ReportsHowProgramsFail) {
  host_.next_end.exit_status = 3;
  EXPECT_EQ(answer("run hello\n"), "hello: exited with status 3\n\n");
  host_.next_end.reason = guest::EndReason::kTrapped;
  EXPECT_EQ(answer("run hello\n"), "hello: trapped (status 134)\n\n");
  host_.next_end.reason = guest::EndReason::kLoadFailed;
  EXPECT_EQ(answer("run hello\n"), "hello: not loaded (status 126)\n\n");
  host_.next_end.reason = guest::EndReason::kFaulted;
  EXPECT_EQ(answer("run hello\n"), "hello: killed by a fault (status 139)\n\n");
  host_.next_end.reason = guest::EndReason::kInterrupted;
  EXPECT_EQ(answer("run hello\n"), "hello: interrupted (status 130)\n\n");
  host_.refuse = "out of memory";
  EXPECT_EQ(answer("run hello\n"), "run: hello: out of memory (status 126)\n\n");
}

TEST_F(ShellTest, BackgroundProgramsAreReportedWhenTheyAreWaitedFor) {
  EXPECT_EQ(
      answer("run hello &\nrun exact&\nwait\nwait\n"),
      "[1] hello\n[2] exact\n[2] exact: exited with status 0\n[1] hello: exited with status 0\n\n");
  EXPECT_TRUE(host_.started[0].background);
}

TEST_F(ShellTest, WaitsForThoseThatAreNamed) {
  EXPECT_EQ(answer("run hello &\nrun exact&\nrun hello a &\nwait 2 1\nwait 2\nwait\n"),
            "[1] hello\n[2] exact\n[3] hello\n[2] exact: exited with status 0\n"
            "[1] hello: exited with status 0\nwait: no program '2' in the background\n"
            "[3] hello: exited with status 0\n\n");
}

TEST_F(ShellTest, KillsThoseThatAreNamedAndSaysHowTheyEnded) {
  EXPECT_EQ(answer("run hello &\nrun exact &\nrun hello &\nkill 3 1\nkill 1\nps &\n"),
            "[1] hello\n[2] exact\n[3] hello\n[3] hello: interrupted (status 130)\n"
            "[1] hello: interrupted (status 130)\nkill: no program '1' in the background\n"
            "usage: ps \n\n");
  EXPECT_EQ(host_.killed, (std::vector<Job>{3, 1}));
}

TEST_F(ShellTest, RefusesToKillOrWaitForWhatIsNoProgramInTheBackground) {
  for (const std::string command : {"kill", "wait"}) {
    for (const std::string typed : {"0", "2", "-1", "+1", "1x", "x", "0x1", "", "1 ",
                                    "18446744073709551617", "99999999999999999999"}) {
      EXPECT_EQ(answer("run hello &\n" + command + " '" + typed + "'\n"),
                "[1] hello\n" + command + ": no program '" + typed + "' in the background\n\n");
      host_.started.clear();
    }
  }
  EXPECT_EQ(answer("kill\nkill &\nkill 1 &\n"),
            "usage: kill NUMBER...\nusage: kill NUMBER...\nusage: kill NUMBER...\n\n");
  EXPECT_TRUE(host_.killed.empty());
}

TEST_F(ShellTest, TellsPsAndMem) {
  EXPECT_EQ(answer("ps\nmem\n"),
            "NUMBER   SECONDS  HART MEMORIES NAME\n"
            "     7     12.345    3 checked  seven\n"
            "    18      0.000    - guarded  eight teen\n"
            "free 8 KiB, kernel heap 2 of 4 KiB\n\n");
}

TEST_F(ShellTest, TellsHarts) {
  EXPECT_EQ(answer("harts\nharts 1\nharts &\n"),
            "HART HARDWARE CLUSTER CORE THREAD CACHE      TASKS      PARKS      TIMER    DEVICES"
            "      HARTS      WAKES      KICKS      WATCH\n"
            "   0        4       0    0      0     -         12          0          3          2"
            "          0          0          0          0\n"
            "   1        7       1    2      3     5 9999999999         21          0          0"
            "        100         90         15          1\n"
            "usage: harts \nusage: harts \n\n");
}

TEST_F(ShellTest, TellsInterruptSourcesThatHaveADriverOrHaveInterrupted) {
  EXPECT_EQ(answer("irqs\nirqs 1\nirqs &\n"),
            "SOURCE PRIORITY HART      COUNT     STRAYS HART:COUNT\n"
            "     1        0    -          4          4 0:4\n"
            "    10        7    1         33          0 0:11 1:22\n"
            "    11        1    0          0          0\n"
            "usage: irqs \nusage: irqs \n\n");
}

TEST_F(ShellTest, BadLinesAreErrors) {
  EXPECT_EQ(answer("run 'x\n" + std::string(5000, 'y') + "\nversion\n"),
            "error: a quote is not closed\nerror: a line has at most 1024 bytes\nTest 1\n\n");
  EXPECT_EQ(answer("\n \n"), "\n");
}

TEST_F(ShellTest, HelpNamesEveryCommand) {
  const std::string help = answer("help\n");
  for (const char* name : {"help", "run", "wait", "kill", "ls", "cat", "ps", "harts", "irqs", "mem",
                           "version", "shutdown"}) {
    EXPECT_NE(help.find(std::string("  ") + name + " "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace quoll::shell
