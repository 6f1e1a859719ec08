// Purpose: Result<T> and the statements that pass an error on.
//
//   TRY(check(x));                      return the error, or go on
//   TRY_ASSIGN(auto file, open(path));  the same, else the value
//   CO_TRY / CO_TRY_ASSIGN              the same in a coroutine (co_return instead of return)
//
// All four are plain statements, not GNU statement expressions, so that every compiler takes them.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace base {

template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(Errc::corrupt, "batch length -3");` in any function that returns a Result.
template <class Code>
std::unexpected<Error> fail(Code code, std::string context = {}) {
  return std::unexpected<Error>(Error(code, std::move(context)));
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
inline std::unexpected<Error> fail_errno(std::string context) {
  return std::unexpected<Error>(Error::from_errno(std::move(context)));
}

}  // namespace base

#define BASE_CONCAT_INNER(a, b) a##b
#define BASE_CONCAT(a, b) BASE_CONCAT_INNER(a, b)

#define BASE_TRY_IMPL(result, expr, returns)                             \
  do {                                                                   \
    auto result = (expr);                                                \
    if (!result) returns std::unexpected(std::move(result).error());     \
  } while (false)

#define BASE_TRY_ASSIGN_IMPL(result, lhs, expr, returns)                 \
  auto result = (expr);                                                  \
  if (!result) returns std::unexpected(std::move(result).error());       \
  lhs = std::move(*result)

#define TRY(...) BASE_TRY_IMPL(BASE_CONCAT(try_, __LINE__), (__VA_ARGS__), return)
#define TRY_ASSIGN(lhs, ...) \
  BASE_TRY_ASSIGN_IMPL(BASE_CONCAT(try_, __LINE__), lhs, (__VA_ARGS__), return)
#define CO_TRY(...) BASE_TRY_IMPL(BASE_CONCAT(try_, __LINE__), (__VA_ARGS__), co_return)
#define CO_TRY_ASSIGN(lhs, ...) \
  BASE_TRY_ASSIGN_IMPL(BASE_CONCAT(try_, __LINE__), lhs, (__VA_ARGS__), co_return)
