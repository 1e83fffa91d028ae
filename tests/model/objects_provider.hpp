// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What providers say: the boot archive's, and one that answers as it is told, which may be late,
// nothing, or a lie, and another thing the next time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <quoll/kernel/mem/vmo/page_provider.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::model::objects {

/// Memory that is lent: so many pages, of which the first four are the archive's.
inline constexpr std::uint64_t kLentAt = 0x9000'0000;
inline constexpr std::uint64_t kLentPages = 9;
inline constexpr std::uint64_t kArchivePages = 4;
/// Bytes that a page has which is content in part.
inline constexpr std::uint64_t kPart = 0x808;

enum class Answer : std::uint8_t {
  kZero,
  kLent,
  kPart,
  kLater,
  kNone,
  // Lies, each against another rule.
  kUnaligned,
  kNothing,
  kNotPromised,
  kTooMuch,
  kUnreachable,
};
inline constexpr std::uint64_t kAnswers = 10;

/// What it says of a page, and which page of the lent memory it means.
struct Said {
  Answer answer = Answer::kZero;
  std::uint64_t lent = 0;
};

/// Answers for every eighth page.
struct Answers {
  bool is_archive = false;
  std::array<Answer, 8> told{};

  Said say(std::uint64_t page) const {
    if (!is_archive) return {told[page % told.size()], kArchivePages + page % kArchivePages};
    if (page + 1 < kArchivePages) return {Answer::kLent, page};
    return {page + 1 == kArchivePages ? Answer::kPart : Answer::kZero, page};
  }
  /// Whether it promised to lend a page of that memory whole.
  bool lends(std::uint64_t lent) const {
    return is_archive ? lent + 1 < kArchivePages
                      : lent >= kArchivePages && lent < 2 * kArchivePages;
  }
};

/// Answers as it is told.
class ToldPages final : public vm::PageProvider {
 public:
  explicit ToldPages(const Answers& answers)
      : PageProvider(pages(kArchivePages, kArchivePages)), answers_(answers) {}

  vm::PageAnswer page(std::uint64_t offset, std::uint64_t most) noexcept override {
    const Said said = answers_.say(offset / mem::kPageSize);
    switch (said.answer) {
      case Answer::kZero:
        return vm::ZeroPage();
      case Answer::kLent:
        return vm::LentPage{pages(said.lent, 1)};
      case Answer::kPart:
        return vm::LentPage{at(said.lent, kPart)};
      case Answer::kLater:
        return vm::LaterPage();
      case Answer::kNone:
        return vm::NoPage();
      case Answer::kUnaligned:
        return vm::LentPage{mem::PhysicalRange(at(said.lent, 0).start() + 8, 8)};
      case Answer::kNothing:
        return vm::LentPage{at(said.lent, 0)};
      case Answer::kNotPromised:
        return vm::LentPage{pages(2 * kArchivePages, 1)};
      case Answer::kTooMuch:
        return vm::LentPage{at(said.lent, most + mem::kPageSize)};
      case Answer::kUnreachable:
        return vm::LentPage{
            mem::PhysicalRange(mem::PhysicalAddress(std::uint64_t{1} << 40), mem::kPageSize)};
    }
    return vm::NoPage();
  }
  void fetch(vm::PagedVmo& object, std::uint64_t offset) noexcept override {
    last_object_ = &object;
    last_offset_ = offset;
    ++fetches_;
  }

  std::uint64_t fetches() const { return fetches_; }
  bool fetched_last(const vm::PagedVmo* object, std::uint64_t offset) const {
    return last_object_ == object && last_offset_ == offset;
  }

 private:
  static mem::PhysicalRange at(std::uint64_t lent, std::uint64_t size) {
    return {mem::PhysicalAddress(kLentAt + lent * mem::kPageSize), size};
  }
  static mem::PhysicalRange pages(std::uint64_t lent, std::uint64_t count) {
    return at(lent, count * mem::kPageSize);
  }

  const Answers& answers_;
  std::uint64_t fetches_ = 0;
  const vm::PagedVmo* last_object_ = nullptr;
  std::uint64_t last_offset_ = 0;
};

}  // namespace quoll::model::objects
