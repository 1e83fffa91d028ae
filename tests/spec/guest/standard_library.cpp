// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What libc++ keeps in the archive that user mode does not have.
#include <string>

template class std::basic_string<char>;
template std::string std::operator+
    <char, std::char_traits<char>, std::allocator<char>>(const char*, const std::string&);
