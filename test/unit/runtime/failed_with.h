// Purpose: `CHECK(failed_with(result, code))`, safe when the result is no error.
#pragma once

#include "base/result.h"

namespace runtime_test {

template <class T, class Code>
bool failed_with(const base::Result<T>& result, Code code) {
  return !result.has_value() && result.error().is(code);
}

}  // namespace runtime_test
