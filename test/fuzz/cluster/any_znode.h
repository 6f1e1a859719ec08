// Purpose: the property that every text read from a znode must satisfy, shared by the fuzzer and by
// a unit test that replays chosen inputs.
#pragma once

#include <string_view>

namespace cluster {

// Reads `text` as every kind of znode; what can be read comes back from what is then written.
void check_any_znode(std::string_view text);

}  // namespace cluster
