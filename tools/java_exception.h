// Purpose: errors as Kafka's Java tools print them: by the name of an exception class, which people
// and scripts look for. Pure. Source: org.apache.kafka.common.protocol.Errors (3.9).
#pragma once

#include <string>

#include "base/error.h"
#include "protocol/error_code.h"

namespace tools {

// "org.apache.kafka.common.errors.GroupNotEmptyException"
std::string java_exception_class(protocol::ErrorCode code);
// The class, ": " and the code's meaning: Throwable.toString().
std::string java_exception(protocol::ErrorCode code);
// Of what the client itself found: a deadline that passed, a broker that cannot be reached.
std::string java_exception(const base::Error& error);

}  // namespace tools
