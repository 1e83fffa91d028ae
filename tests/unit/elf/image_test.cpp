// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>

#include <quoll/elf/image.hpp>
#include <quoll/elf/relocations.hpp>
#include <quoll/elf/symbols.hpp>

#include "sample.hpp"

namespace quoll::elf {
namespace {

using test::SampleElf;

// Loads every segment as a loader would, into memory of exactly the size that it asks for.
void load_everything(const Image& image) {
  for (const Segment& segment : image.segments()) {
    ASSERT_LE(segment.content.size(), segment.memory_size);
    if (segment.memory_size > 1 << 20) continue;
    std::vector<std::byte> memory(segment.memory_size);
    std::memcpy(memory.data(), segment.content.data(), segment.content.size());
    if (segment.access == Access::kReadWrite) {
      relocate_segment(image, segment, memory, 0xFFFFFFFFC0000000);
    }
  }
  static_cast<void>(image.section(".loader_config"));
  static_cast<void>(function_at(image, image.entry()));
}

std::optional<Error> error_of(const SampleElf& sample) {
  const auto bytes = sample.bytes();
  const auto image = Image::open(bytes);
  return image ? std::nullopt : std::optional(image.error());
}

std::optional<Error> error_with(const std::function<void(SampleElf&)>& spoil) {
  SampleElf sample;
  spoil(sample);
  return error_of(sample);
}

TEST(ElfImage, OpensACompleteFile) {
  const auto bytes = SampleElf().bytes();
  const auto image = Image::open(bytes);
  ASSERT_TRUE(image.has_value());
  EXPECT_TRUE(image->is_position_independent());
  EXPECT_EQ(image->entry(), SampleElf::kCode + 4);
  ASSERT_EQ(image->segments().size(), 3U);
  EXPECT_EQ(image->segments()[0].access, Access::kRead);
  EXPECT_EQ(image->segments()[1].access, Access::kReadExecute);
  EXPECT_EQ(image->segments()[2].access, Access::kReadWrite);
  EXPECT_EQ(image->pages().start, 0x1000U);
  EXPECT_EQ(image->pages().end, 0x6000U);
  ASSERT_TRUE(image->tls().has_value());
  EXPECT_EQ(image->tls()->memory_size, 0x40U);
  ASSERT_TRUE(image->relro().has_value());
  EXPECT_EQ(image->relro()->end, 0x4000U);
}

TEST(ElfImage, FindsSectionsByTheirWholeName) {
  const auto bytes = SampleElf().bytes();
  const auto image = Image::open(bytes);
  ASSERT_TRUE(image.has_value());
  const auto config = image->section(".loader_config");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->address, SampleElf::kConfig);
  EXPECT_EQ(config->content.size(), 40U);
  EXPECT_FALSE(image->section(".loader").has_value());
  EXPECT_FALSE(image->section(".loader_config2").has_value());
}

TEST(ElfSymbols, FunctionAtKnowsTheRange) {
  const auto bytes = SampleElf().bytes();
  const auto image = Image::open(bytes);
  ASSERT_TRUE(image.has_value());
  ASSERT_TRUE(function_at(*image, SampleElf::kCode + 0x23).has_value());
  EXPECT_EQ(function_at(*image, SampleElf::kCode + 0x23)->name, "start");
  EXPECT_FALSE(function_at(*image, SampleElf::kCode + 0x24).has_value());
  EXPECT_FALSE(function_at(*image, SampleElf::kCode + 3).has_value());
}

TEST(ElfRelocations, AreAppliedWithTheLoadBias) {
  const auto bytes = SampleElf().bytes();
  const auto image = Image::open(bytes);
  ASSERT_TRUE(image.has_value());
  const Segment& data = image->segments()[2];
  std::vector<std::byte> memory(data.memory_size);
  relocate_segment(*image, data, memory, 0x100000);
  std::uint64_t word = 0;
  std::memcpy(&word, memory.data() + 0x10, sizeof word);
  EXPECT_EQ(word, 0x102004U);
  std::memcpy(&word, memory.data() + 0x208, sizeof word);
  EXPECT_EQ(word, 0x101400U);
  std::memcpy(&word, memory.data() + 0x1105, sizeof word);
  EXPECT_EQ(word, 0x100001U);
}

TEST(ElfImage, NamesWhatIsWrong) {
  using S = SampleElf;
  EXPECT_EQ(error_with([](S& s) { s.header.ident[1] = 'F'; }), Error::kNotElf);
  EXPECT_EQ(error_with([](S& s) { s.header.ident[4] = 1; }), Error::kWrongMachine);
  EXPECT_EQ(error_with([](S& s) { s.header.machine = 62; }), Error::kWrongMachine);
  EXPECT_EQ(error_with([](S& s) { s.header.type = 1; }), Error::kWrongType);
  EXPECT_EQ(error_with([](S& s) { s.header.program_header_size = 32; }), Error::kBadHeader);
  EXPECT_EQ(error_with([](S& s) { s.segments.clear(); }), Error::kNoSegments);
  EXPECT_EQ(error_with([](S& s) { s.header.program_headers_offset = ~0ULL - 8; }),
            Error::kTruncated);
  EXPECT_EQ(error_with([](S& s) { s.segments.erase(s.segments.begin(), s.segments.begin() + 3); }),
            Error::kNoSegments);
  EXPECT_EQ(error_with([](S& s) { s.header.entry = S::kData; }), Error::kBadEntry);
  EXPECT_EQ(error_with([](S& s) { s.header.entry = S::kCode + 5; }), Error::kBadEntry);
  EXPECT_EQ(error_with([](S& s) { s.header.entry = S::kCode + 0x122; }), Error::kBadEntry);
}

TEST(ElfImage, RefusesSegmentsThatCannotBeLoaded) {
  using S = SampleElf;
  const auto data = [](S& s) -> ProgramHeader& { return s.segments[S::kDataLoad]; };
  EXPECT_EQ(error_with([&](S& s) { data(s).flags = 7; }), Error::kWritableAndExecutable);
  EXPECT_EQ(error_with([&](S& s) { data(s).flags = kFlagWrite; }), Error::kBadSegment);
  EXPECT_EQ(error_with([&](S& s) { data(s).file_size = data(s).memory_size + 1; }),
            Error::kBadSegment);
  EXPECT_EQ(error_with([&](S& s) { data(s).offset += 0x10; }), Error::kBadSegment);
  EXPECT_EQ(error_with([&](S& s) { data(s).memory_size = ~0ULL - S::kData; }), Error::kBadSegment);
  EXPECT_EQ(error_with([&](S& s) { data(s).memory_size = ~0ULL; }), Error::kBadSegment);
  EXPECT_EQ(error_with([&](S& s) { data(s).offset = 0x7FFFFFFFF000; }), Error::kTruncated);
  EXPECT_EQ(error_with([&](S& s) { s.segments[S::kCodeLoad].memory_size = 0x1001; }),
            Error::kSegmentsOverlap);
  EXPECT_EQ(error_with([&](S& s) { std::swap(s.segments[0], s.segments[1]); }),
            Error::kSegmentsOverlap);
  EXPECT_EQ(error_with([](S& s) {
              s.segments.assign(kMaxSegments + 1, ProgramHeader(s.segments[0]));
              for (std::size_t i = 0; i < s.segments.size(); ++i) {
                s.segments[i].virtual_address = 0x1000 * (i + 1);
              }
            }),
            Error::kTooManySegments);
}

TEST(ElfImage, RefusesRelocationsThatItCannotApply) {
  using S = SampleElf;
  EXPECT_EQ(error_with([](S& s) { s.relocations[0].info = 2; }), Error::kUnsupportedRelocation);
  EXPECT_EQ(error_with([](S& s) { s.relocations[0].info = 3 | 1ULL << 32; }),
            Error::kUnsupportedRelocation);
  EXPECT_EQ(error_with([](S& s) { s.relocations[0].offset = S::kCode; }), Error::kBadRelocation);
  EXPECT_EQ(error_with([](S& s) { s.relocations[0].offset = ~0ULL - 3; }), Error::kBadRelocation);
  EXPECT_EQ(error_with([](S& s) { s.relocations[0].offset = S::kData + S::kDataMemorySize - 7; }),
            Error::kBadRelocation);
  EXPECT_EQ(error_with([](S& s) { s.dynamic[0].value = S::kData + S::kDataMemorySize - 96; }),
            Error::kBadDynamic);
  EXPECT_EQ(error_with([](S& s) { s.dynamic[1].value = 95; }), Error::kBadDynamic);
  EXPECT_EQ(error_with([](S& s) { s.dynamic[2].value = 16; }), Error::kBadDynamic);
  EXPECT_EQ(error_with([](S& s) { s.dynamic[3] = {kDynamicRelrSize, 8}; }),
            Error::kUnsupportedRelocation);
  EXPECT_EQ(error_with([](S& s) { s.dynamic[3] = {kDynamicNeeded, 8}; }), Error::kBadDynamic);
  EXPECT_EQ(error_with([](S& s) { s.segments[S::kDynamicSegment].offset = 1ULL << 40; }),
            Error::kBadDynamic);
}

TEST(ElfImage, RefusesABadTlsTemplate) {
  using S = SampleElf;
  const auto tls = [](S& s) -> ProgramHeader& { return s.segments[S::kTlsSegment]; };
  EXPECT_EQ(error_with([&](S& s) { tls(s).alignment = 24; }), Error::kBadTls);
  EXPECT_EQ(error_with([&](S& s) { tls(s).alignment = 8192; }), Error::kBadTls);
  EXPECT_EQ(error_with([&](S& s) { tls(s).file_size = 0x41; }), Error::kBadTls);
  EXPECT_EQ(error_with([&](S& s) { tls(s).memory_size = 1ULL << 40; }), Error::kBadTls);
  EXPECT_EQ(error_with([&](S& s) { tls(s).virtual_address = 0x900000; }), Error::kBadTls);
}

TEST(ElfImage, AcceptsOrRefusesEveryPrefix) {
  const auto whole = SampleElf().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // An allocation of its own: the sanitizer sees a read behind the end.
    const std::vector<std::byte> prefix(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto image = Image::open(prefix);
    if (image) load_everything(*image);
    if (size < SampleElf::kData + SampleElf::kDataFileSize) {
      EXPECT_FALSE(image.has_value()) << size;
    }
  }
}

TEST(ElfImage, LoadsSafelyWhateverBitsFlip) {
  const auto whole = SampleElf().bytes();
  const auto interesting = [](std::size_t at) {
    return at < 0x200 || (at >= 0x1000 && at < 0x1080) || (at >= 0x3020 && at < 0x30A0) ||
           at >= 0x4800;
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (!interesting(at)) continue;
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto bytes = whole;
      bytes[at] ^= std::byte{1} << bit;
      const auto image = Image::open(bytes);
      if (image) load_everything(*image);
    }
  }
}

TEST(ElfImage, LoadsSafelyWhateverFieldsChange) {
  const auto whole = SampleElf().bytes();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const std::uint64_t values[] = {0,
                                  1,
                                  7,
                                  0xFFF,
                                  0x1000,
                                  0x1001,
                                  0x3000,
                                  0x5000,
                                  ~0ULL,
                                  ~0ULL - 0xFFF,
                                  1ULL << 63,
                                  1ULL << 32,
                                  0x7FFFFFFFFFFFFFFF};
  for (int round = 0; round < 20000; ++round) {
    auto bytes = whole;
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = random() % (0x1A0 / 4) * 4;
      const std::uint64_t value = values[random() % std::size(values)];
      std::memcpy(bytes.data() + at, &value, random() % 2 == 0 ? 8 : 4);
    }
    const auto image = Image::open(bytes);
    if (image) load_everything(*image);
  }
}

}  // namespace
}  // namespace quoll::elf
