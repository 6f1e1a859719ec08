// Purpose: integers that must not mix.
//
// Offset + 5 is an Offset, Offset - Offset is a plain distance, and none of them converts by
// itself. Plain integers appear only inside codecs.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace base {

template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(Strong, Strong) = default;
  friend constexpr bool operator==(Strong, Strong) = default;
  friend constexpr Strong operator+(Strong a, Rep n) { return Strong(a.value_ + n); }
  friend constexpr Strong operator-(Strong a, Rep n) { return Strong(a.value_ - n); }
  friend constexpr Rep operator-(Strong a, Strong b) { return a.value_ - b.value_; }
  constexpr Strong& operator+=(Rep n) {
    value_ += n;
    return *this;
  }
  constexpr Strong& operator++() {
    ++value_;
    return *this;
  }

 private:
  Rep value_{};
};

}  // namespace base

template <class Tag, class Rep>
struct std::hash<base::Strong<Tag, Rep>> {
  std::size_t operator()(base::Strong<Tag, Rep> v) const noexcept {
    return std::hash<Rep>()(v.value());
  }
};
