// Goal: no content of a znode makes the broker crash or read what it would write differently.
// Method: libFuzzer.
#include <cstddef>
#include <cstdint>

#include "test/fuzz/cluster/any_znode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cluster::check_any_znode({reinterpret_cast<const char*>(data), size});
  return 0;
}
