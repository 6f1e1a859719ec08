#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace base {

std::uint32_t crc32c(Bytes bytes, std::uint32_t previous) {
  // ISA-L takes an int length, neither inverts before nor after, and reads through a pointer that
  // is not const.
  std::uint32_t crc = ~previous;
  while (!bytes.empty()) {
    const std::size_t step = std::min<std::size_t>(bytes.size(), 1u << 30);
    crc = ::crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data())),
                        static_cast<int>(step), crc);
    bytes = bytes.subspan(step);
  }
  return ~crc;
}

}  // namespace base
