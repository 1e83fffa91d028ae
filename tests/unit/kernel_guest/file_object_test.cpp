// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Files as memory: one object for all who map a file, for as long as anybody does.
#include <quoll/kernel/guest/file_object.hpp>

#include "guest_fixture.hpp"

namespace quoll::guest {
namespace {

class FileObjectTest : public GuestTest {
 protected:
  FileObjectTest() : memory_(*frames_.allocate_run(4)) {
    std::memset(memory_.data(), 'x', 4 * abi::kPageSize);
  }
  mem::PhysicalRange content(std::uint64_t offset, std::uint64_t size) const {
    return mem::PhysicalRange(memory_.start() + offset, size);
  }
  vm::FrameRun memory_;
};

TEST_F(FileObjectTest, IsTheSameForAllThatUseTheFile) {
  const std::uint64_t before = frames_.statistics().allocated;
  {
    FileUse first = *use_file(frames_, content(0, 5000));
    const FileUse second = *use_file(frames_, content(0, 5000));
    const FileUse other = *use_file(frames_, content(8192, 5000));
    EXPECT_EQ(first.pages().get(), second.pages().get());
    EXPECT_NE(first.pages().get(), other.pages().get());
    EXPECT_EQ(first.pages()->size(), 2 * abi::kPageSize);
    EXPECT_FALSE(first.pages()->most().can_write());
    EXPECT_EQ(used_files(), 2u);
    char text[3] = {};
    EXPECT_TRUE(second.pages()->read(4998, std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(std::string_view(text, 3), std::string_view("xx\0", 3));
    first = {};
    EXPECT_EQ(used_files(), 2u);
    FileUse moved = *use_file(frames_, content(0, 5000));
    EXPECT_EQ(moved.pages().get(), second.pages().get());
  }
  EXPECT_EQ(used_files(), 0u);
  frames_.drain_caches();
  EXPECT_EQ(frames_.statistics().allocated, before);
}

TEST_F(FileObjectTest, OutlivesItsLastUseWhereItIsMapped) {
  std::uint64_t at = 0;
  {
    const FileUse use = *use_file(frames_, content(0, abi::kPageSize));
    at = guest_->space()
             .map_shared(vm::Placement::anywhere(), use.pages(), 0, abi::kPageSize,
                         mem::Permissions::read_only().for_user())
             ->start()
             .value();
  }
  EXPECT_EQ(used_files(), 0u);
  EXPECT_EQ(peek_string(at, 2), "xx");
}

TEST_F(FileObjectTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(use_file(frames_, content(0, 0)).error(), vm::SpaceError::kEmpty);
  EXPECT_EQ(
      use_file(frames_, mem::PhysicalRange(mem::PhysicalAddress(0), ~std::uint64_t{0})).error(),
      vm::SpaceError::kTooLarge);
  EXPECT_EQ(used_files(), 0u);
}

}  // namespace
}  // namespace quoll::guest
