// Goal: exactly the transitions of Kafka's state machines are valid.
// Method: the whole matrix against a table written by hand from PartitionState.validPreviousStates
// and ReplicaState.validPreviousStates.
#include <doctest/doctest.h>

#include <array>
#include <string_view>

#include "broker/controller/controller_context.h"

namespace controller {
namespace {

TEST_CASE("partition phases") {
  using enum PartitionPhase;
  constexpr std::array kPhases = {non_existent, created, online, offline};
  // Rows: from; columns: to; in the order above.
  constexpr std::array<std::string_view, 4> kValid = {
      ".x..",  // non_existent
      "..xx",  // created
      "..xx",  // online
      "x.xx",  // offline
  };
  for (std::size_t from = 0; from < kPhases.size(); ++from) {
    for (std::size_t to = 0; to < kPhases.size(); ++to) {
      CAPTURE(to_string(kPhases[from]));
      CAPTURE(to_string(kPhases[to]));
      CHECK(is_valid_transition(kPhases[from], kPhases[to]) == (kValid[from][to] == 'x'));
    }
  }
}

TEST_CASE("replica phases") {
  using enum ReplicaPhase;
  constexpr std::array kPhases = {
      non_existent,       created, online, offline, deletion_started, deletion_successful,
      deletion_ineligible};
  constexpr std::array<std::string_view, 7> kValid = {
      ".x.....",  // non_existent
      "..xx...",  // created
      "..xx...",  // online
      "..xxx.x",  // offline
      ".....xx",  // deletion_started
      "x......",  // deletion_successful
      "..xx...",  // deletion_ineligible
  };
  for (std::size_t from = 0; from < kPhases.size(); ++from) {
    for (std::size_t to = 0; to < kPhases.size(); ++to) {
      CAPTURE(to_string(kPhases[from]));
      CAPTURE(to_string(kPhases[to]));
      CHECK(is_valid_transition(kPhases[from], kPhases[to]) == (kValid[from][to] == 'x'));
    }
  }
}

}  // namespace
}  // namespace controller
