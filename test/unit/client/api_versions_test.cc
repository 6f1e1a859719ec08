#include "client/api_versions.h"

#include <doctest/doctest.h>

// Goal: the version chosen is the highest that both sides speak, and no overlap is an error.
TEST_CASE("the highest common version") {
  client::ApiVersionRanges broker;
  broker.set(3, {2, 9});
  CHECK(broker.highest_common(3, {0, 12}).value() == 9);
  CHECK(broker.highest_common(3, {0, 5}).value() == 5);
  CHECK(broker.highest_common(3, {2, 2}).value() == 2);
  CHECK(broker.highest_common(3, {0, 1}).error().is(base::Errc::unsupported));
  CHECK(broker.highest_common(3, {10, 12}).error().is(base::Errc::unsupported));
  CHECK(broker.highest_common(4, {0, 1}).error().is(base::Errc::unsupported));
}
