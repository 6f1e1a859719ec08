// Goal: no bytes of a server make the client crash, read outside a frame or allocate without bound.
// Method: libFuzzer.
#include <cstddef>
#include <cstdint>

#include "test/fuzz/zkclient/any_reply.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  zkclient::check_any_reply({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
