// Purpose: what Java says about a string that we hold as UTF-8: its hash code, which decides the
// partition of a group or a transactional id, and its length, which limits count in.
//
// Java counts UTF-16 units. Bytes that are no UTF-8 count as U+FFFD, as when Java decodes them.
// Source: java.lang.String.
#pragma once

#include <cstdint>
#include <string_view>

namespace base {

std::int32_t java_hash_code(std::string_view utf8);
std::size_t java_length(std::string_view utf8);

// abs(hash) mod count, where abs of the smallest int is 0 (Kafka's Utils.abs). count > 0.
std::int32_t java_hash_partition(std::string_view utf8, std::int32_t count);

}  // namespace base
