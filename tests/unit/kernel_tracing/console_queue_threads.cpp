// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that write lines to one console, as harts do: each line comes out, whole, and those of
// one thread in their order. A line that nobody brings out is found at the end. Run under
// ThreadSanitizer, which says what is not ordered.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "console_queue.hpp"

namespace quoll::tracing {
namespace {

constexpr unsigned kThreads = 4;
constexpr unsigned kLines = 3000;

ConsoleQueue queue;
std::mutex lock;
// The device: the queue says who writes to it.
std::string device;

/// Threads are not interrupted.
struct NoInterrupts {};

// Has room for three bytes of four.
bool put(char byte) {
  static unsigned asked = 0;
  if (++asked % 4 == 0) return false;
  device.push_back(byte);
  return true;
}

void write(unsigned self, const std::string& line) {
  for (;;) {
    {
      const std::lock_guard guard(lock);
      if (queue.append(line)) break;
    }
    queue.print<NoInterrupts>(self, &put);
  }
  queue.print<NoInterrupts>(self, &put);
}

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "console queue: not %s\n", what);
  std::exit(1);
}

/// Lines are of all lengths, so that they come round the queue's end in all ways.
std::string line_of(unsigned self, unsigned number) {
  std::string line = std::to_string(self) + " " + std::to_string(number) + " ";
  return line.append((self * 31 + number) % 200, static_cast<char>('a' + self)) + "\n";
}

void run() {
  std::array<std::thread, kThreads> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads[i] = std::thread([i] {
      for (unsigned line = 0; line < kLines; ++line) write(i, line_of(i, line));
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(queue.empty(), "everything came out");
  std::array<unsigned, kThreads> next{};
  for (std::size_t at = 0; at < device.size();) {
    const auto self = static_cast<unsigned>(device[at] - '0');
    check(self < kThreads, "a line begins where one has ended");
    const std::string line = line_of(self, next[self]++);
    check(device.compare(at, line.size(), line) == 0, "the next line, whole");
    at += line.size();
  }
  for (const unsigned count : next) check(count == kLines, "all lines");
}

/// A hart with one interrupt: it comes as soon as interrupts are on again.
struct Interrupted {
  static inline unsigned off = 0;
  static inline void (*handler)() = nullptr;
  Interrupted() { ++off; }
  Interrupted(const Interrupted&) = delete;
  Interrupted& operator=(const Interrupted&) = delete;
  ~Interrupted() {
    if (--off == 0 && handler != nullptr) std::exchange(handler, nullptr)();
  }
};
ConsoleQueue own;
std::string said;

bool say(char byte) {
  check(Interrupted::off == 1, "interrupted between the queue and the device");
  said.push_back(byte);
  return true;
}

/// A handler that has interrupted the printer finds no room, and brings out what there is.
void interrupt() {
  check(own.append("ab"), "room");
  Interrupted::handler = [] {
    check(own.is_printer(0) && !own.is_printer(1), "the printer is known");
    const std::string text(ConsoleQueue::kMostAtOnce, 'x');
    while (own.append(text)) {
    }
    own.print<Interrupted>(0, [](char) {
      check(false, "one printer");
      return true;
    });
    own.bring_out<Interrupted>(&say);
    check(own.empty() && own.append("c"), "room again");
  };
  own.print<Interrupted>(0, &say);
  check(said.starts_with("abx") && said.ends_with("xc"), "the order");
}

/// A device that is slow is waited for with interrupts on; one that is stuck loses its bytes.
void wait() {
  static unsigned asked = 0;
  check(own.append("slow"), "room");
  own.print<Interrupted>(0, [](char byte) {
    if (++asked % 100 != 0) {
      // Comes before the device is asked again.
      Interrupted::handler = [] { said.push_back('!'); };
      return false;
    }
    said.push_back(byte);
    return true;
  });
  check(std::count(said.begin(), said.end(), '!') == 396,
        "interrupts while it waits, four times 99");
  check(said.ends_with("!w"), "all of it");
  said.clear();
  check(own.append("stuck"), "room");
  own.print<Interrupted>(0, [](char) { return false; });
  check(own.empty(), "over some time");
}

}  // namespace
}  // namespace quoll::tracing

int main() {
  quoll::tracing::run();
  quoll::tracing::interrupt();
  quoll::tracing::wait();
  return 0;
}
