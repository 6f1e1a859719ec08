#include "tools/java_exception.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace tools {

using protocol::ErrorCode;

namespace {

constexpr std::string_view kPackage = "org.apache.kafka.common.errors.";

// Where the class is not named like the code.
constexpr std::pair<ErrorCode, std::string_view> kIrregular[] = {
    {ErrorCode::kCorruptMessage, "CorruptRecord"},
    {ErrorCode::kRequestTimedOut, "Timeout"},
    {ErrorCode::kMessageTooLarge, "RecordTooLarge"},
    {ErrorCode::kStaleControllerEpoch, "ControllerMoved"},
    {ErrorCode::kNetworkException, "Network"},
    {ErrorCode::kInvalidTopicException, "InvalidTopic"},
    {ErrorCode::kRecordListTooLarge, "RecordBatchTooLarge"},
    {ErrorCode::kTopicAuthorizationFailed, "TopicAuthorization"},
    {ErrorCode::kGroupAuthorizationFailed, "GroupAuthorization"},
    {ErrorCode::kClusterAuthorizationFailed, "ClusterAuthorization"},
    {ErrorCode::kTopicAlreadyExists, "TopicExists"},
    {ErrorCode::kInvalidConfig, "InvalidConfiguration"},
    {ErrorCode::kOutOfOrderSequenceNumber, "OutOfOrderSequence"},
    {ErrorCode::kDuplicateSequenceNumber, "DuplicateSequence"},
    {ErrorCode::kInvalidProducerIdMapping, "InvalidPidMapping"},
    {ErrorCode::kInvalidTransactionTimeout, "InvalidTxnTimeout"},
    {ErrorCode::kTransactionalIdAuthorizationFailed, "TransactionalIdAuthorization"},
    {ErrorCode::kKafkaStorageError, "KafkaStorage"},
    {ErrorCode::kSaslAuthenticationFailed, "SaslAuthentication"},
    {ErrorCode::kNonEmptyGroup, "GroupNotEmpty"},
};

// "GROUP_ID_NOT_FOUND" becomes "GroupIdNotFound".
std::string camel_case(std::string_view name) {
  std::string text;
  bool starts_word = true;
  for (const char c : name) {
    if (c == '_') {
      starts_word = true;
      continue;
    }
    text += starts_word ? c : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    starts_word = false;
  }
  return text;
}

}  // namespace

std::string java_exception_class(ErrorCode code) {
  const auto irregular =
      std::ranges::find(kIrregular, code, &std::pair<ErrorCode, std::string_view>::first);
  const std::string name = irregular != std::end(kIrregular) ? std::string(irregular->second)
                                                             : camel_case(protocol::name(code));
  return fmt::format("{}{}Exception", kPackage, name);
}

std::string java_exception(ErrorCode code) {
  return fmt::format("{}: {}", java_exception_class(code), protocol::message(code));
}

std::string java_exception(const base::Error& error) {
  const std::string_view name = error.is(base::Errc::unsupported)        ? "UnsupportedVersion"
                                : error.is(base::Errc::invalid_argument) ? "InvalidRequest"
                                : error.is(base::Errc::not_found)        ? "UnknownTopicOrPartition"
                                                                         : "Timeout";
  return fmt::format("{}{}Exception: {}", kPackage, name, error.to_string());
}

}  // namespace tools
