// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walking a path. A directory handle knows no parent, which is what keeps a program inside: to go
// up, the walk starts again and goes down all but the last of the names that led here.
#include <array>
#include <cstring>

#include <quoll/abi/limits.hpp>
#include <quoll/wasi/path.hpp>

namespace quoll::wasi {
namespace {

using Step = base::Result<void, Errno>;

class Walker {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): names_ is filled up to length_
  Walker(Host& host, abi::Handle start) : host_(host), start_(start), place_(host, start, false) {}

  Step step(std::string_view name) {
    TRY(require_directory());
    if (name == ".") return {};
    if (name == "..") return up();
    return down(name);
  }

  /// *Errors*: kNotdir when the place is something else.
  Step require_directory() {
    if (place_.is_start()) return {};
    const auto stat = TRY(host_.handle_stat(place_.handle()).transform_error(to_errno));
    if (stat.kind != abi::ObjectKind::kDirectory) return base::err(Errno::kNotdir);
    return {};
  }

  Place arrive() && { return std::move(place_); }

 private:
  Step down(std::string_view name) {
    if (name.size() > abi::kMaxName) return base::err(Errno::kNametoolong);
    TRY(enter(name));
    std::memcpy(&names_[length_], name.data(), name.size());
    length_ += name.size();
    names_[length_++] = '/';
    return {};
  }

  Step up() {
    if (length_ == 0) return base::err(Errno::kNotcapable);
    std::string_view names(names_.data(), length_ - 1);
    const std::size_t slash = names.rfind('/');
    length_ = slash == std::string_view::npos ? 0 : slash + 1;

    place_.return_to(start_);
    for (std::size_t from = 0; from < length_;) {
      const std::size_t to = std::string_view(names_.data(), length_).find('/', from);
      TRY(enter(std::string_view(&names_[from], to - from)));
      from = to + 1;
    }
    return {};
  }

  Step enter(std::string_view name) {
    const abi::Handle handle =
        TRY(host_.directory_open(place_.handle(), name).transform_error(to_errno));
    place_.move_to(handle);
    return {};
  }

  Host& host_;
  abi::Handle start_;
  Place place_;
  // The names that led from the start to the place, each with a slash behind it. They are never
  // longer than the path and one slash.
  std::array<char, kMaxPath + 1> names_;
  std::size_t length_ = 0;
};

}  // namespace

base::Result<Place, WalkError> walk(Host& host, abi::Handle start, std::string_view path) {
  const auto refuse = [](Errno error, bool last) { return base::err(WalkError{error, last}); };
  if (path.empty()) return refuse(Errno::kNoent, false);
  if (path.size() > kMaxPath) return refuse(Errno::kNametoolong, false);
  if (path.find('\0') != std::string_view::npos) return refuse(Errno::kInval, false);
  if (path.front() == '/') return refuse(Errno::kNotcapable, false);

  Walker walker(host, start);
  std::size_t from = 0;
  while (from < path.size()) {
    std::size_t to = path.find('/', from);
    if (to == std::string_view::npos) to = path.size();
    const std::string_view name = path.substr(from, to - from);
    const bool last = path.find_first_not_of('/', to) == std::string_view::npos;
    from = to + 1;
    if (name.empty()) continue;
    if (auto done = walker.step(name); !done) return refuse(done.error(), last);
  }
  if (path.back() == '/') {
    if (auto done = walker.require_directory(); !done) return refuse(done.error(), true);
  }
  return std::move(walker).arrive();
}

}  // namespace quoll::wasi
