// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// translation_shapes: without arguments, the names of the shapes, what their units are, and the
// largest of each; with a name and a number of units, what that module takes, in bytes, and the
// hash of its translation. Under a tool that counts instructions, what they are made of.
#include <cstdio>
#include <cstdlib>

#include "measure.hpp"
#include "shapes.hpp"

int main(int argc, char** argv) {
  using namespace quoll::translation;
  if (argc == 1) {
    for (const Shape& shape : shapes()) {
      std::printf("%s\t%u\t%s\n", shape.name.data(), shape.full, shape.unit.data());
    }
    return 0;
  }
  const Shape* const shape = find_shape(argv[1]);
  const auto units = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (shape == nullptr || units == 0) {
    std::fprintf(stderr, "usage: translation_shapes [SHAPE UNITS]\n");
    return 2;
  }
  const quoll::wasm::test::Bytes bytes = shape->make(static_cast<std::uint32_t>(units));
  const Costs costs = measure(bytes, [] { return std::uint64_t{0}; });
  std::printf("%zu %zu %zu %016llx\n", bytes.size(), costs.decode.bytes, costs.translate.bytes,
              static_cast<unsigned long long>(costs.hash));
  return 0;
}
