// Purpose: the versions we show.
#pragma once

namespace base {

inline constexpr char kVersion[] = "0.1.0";
// The Apache Kafka release whose behaviour, flags and output we match; tools and scripts compare
// this one.
inline constexpr char kKafkaVersion[] = "3.9.0";

}  // namespace base
