// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The bodies of the functions, for the table, and what they share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <quoll/base/bits.hpp>
#include <quoll/wasi/functions.hpp>

namespace quoll::wasi::calls {

using Done = WasiResult<void>;

Done args_get(Call& call);
Done args_sizes_get(Call& call);
Done environ_get(Call& call);
Done environ_sizes_get(Call& call);
Done random_get(Call& call);
Done proc_exit(Call& call);
Done sched_yield(Call& call);

Done clock_res_get(Call& call);
Done clock_time_get(Call& call);

Done fd_read(Call& call);
Done fd_pread(Call& call);
Done fd_write(Call& call);

Done fd_close(Call& call);
Done fd_fdstat_get(Call& call);
Done fd_filestat_get(Call& call);
Done fd_seek(Call& call);
Done fd_tell(Call& call);

Done fd_prestat_get(Call& call);
Done fd_prestat_dir_name(Call& call);
Done fd_readdir(Call& call);

Done path_open(Call& call);
Done path_filestat_get(Call& call);

Done poll_oneoff(Call& call);

/// What every function answers that links but is not offered.
Done not_offered(Call& call);

/// A structure on its way into the program's memory. Bytes that are not put are zero.
template <std::size_t Size>
class Record {
 public:
  template <std::integral T>
  void put(std::uint32_t offset, std::type_identity_t<T> value) {
    QUOLL_ASSERT(offset + sizeof(T) <= Size);
    base::store_le<T>(&bytes_[offset], value);
  }
  std::span<const std::byte> bytes(std::size_t length = Size) const {
    return std::span<const std::byte>(bytes_).first(length);
  }

 private:
  std::array<std::byte, Size> bytes_{};
};

/// A reading of one of the program's clocks. *Errors*: kInval for one that does not exist.
WasiResult<std::uint64_t> read_clock(Process& process, std::uint32_t clock);

/// What a file status calls the object.
FileType file_type(abi::ObjectKind kind);

/// Writes a file status at `address`, in the dialect of the call.
Done put_filestat(Call& call, std::uint32_t address, const abi::Stat& stat);

}  // namespace quoll::wasi::calls
