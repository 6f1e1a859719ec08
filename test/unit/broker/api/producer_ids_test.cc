// Goal: a controller's answer that is no block of producer ids gives none out.
#include <doctest/doctest.h>

#include <limits>

#include "broker/transactions/producer_id_source.h"

namespace transactions {
namespace {

TEST_CASE("blocks of producer ids") {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  CHECK(is_producer_id_block(0, 1000));
  CHECK(is_producer_id_block(kLargest - 1000, 1000));
  CHECK(!is_producer_id_block(kLargest - 999, 1000));
  CHECK(!is_producer_id_block(-1, 1000));
  CHECK(!is_producer_id_block(std::numeric_limits<std::int64_t>::min(), 1000));
  CHECK(!is_producer_id_block(5, 0));
  CHECK(!is_producer_id_block(5, -1));
}

}  // namespace
}  // namespace transactions
