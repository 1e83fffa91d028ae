// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Free objects: a link and a seal, the first two words.
//
// The link says what follows on the list that the object is on. The seal is the sum of link and
// address, so it tells whether anybody has written to either word since, and whether an object
// that is given back is free already. Handing an object out breaks the seal. Live objects can
// look sealed by accident: to be sure one has to search the lists.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// The first two words of an object that is free or may be.
class FreeObject {
 public:
  explicit FreeObject(std::uint64_t address) noexcept
      // SAFETY: objects are aligned to sixteen bytes and no smaller.
      : words_(static_cast<std::uint64_t*>(mem::to_pointer(mem::VirtualAddress(address)))) {}

  std::uint64_t link() const noexcept { return word(0); }
  bool is_sealed() const noexcept { return is_sealed(link()); }
  /// The same for who has read the link.
  bool is_sealed(std::uint64_t link) const noexcept { return word(1) == link + address(); }
  void seal(std::uint64_t link) noexcept {
    set_word(0, link);
    set_word(1, link + address());
  }
  /// The seal of no object: links and addresses are not each other's negatives.
  void break_seal() noexcept { set_word(1, 0); }

 private:
  std::uint64_t address() const noexcept { return mem::address_of(words_).value(); }
  // Atomic because an empty cache poses as an object (cache.hpp); always relaxed.
  std::uint64_t word(std::size_t i) const noexcept {
    return __atomic_load_n(words_ + i, __ATOMIC_RELAXED);
  }
  void set_word(std::size_t i, std::uint64_t value) noexcept {
    __atomic_store_n(words_ + i, value, __ATOMIC_RELAXED);
  }

  std::uint64_t* words_;
};

}  // namespace quoll::vm
