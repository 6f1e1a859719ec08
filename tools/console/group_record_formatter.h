// Purpose: the records of __consumer_offsets as kafka-console-consumer prints them with Kafka's
// formatters for them. Pure.
// Source: OffsetsMessageFormatter.java, GroupMetadataMessageFormatter.java (3.9) for JSON;
// GroupMetadataManager's formatters of the same names (2.4, still in 3.9) for text;
// OffsetCommitKey/Value.json, GroupMetadataKey/Value.json for the bytes.
#pragma once

#include <string>
#include <string_view>

#include "tools/console/message_formatter.h"
#include "tools/tool.h"

namespace console {

// Appends the record with its line end, or nothing if it is of another kind; fails for bytes that
// make no sense.
using AppendRecord = tools::Outcome<> (*)(const ConsumedRecord& record, std::string& text);

// By the name of the class; null for other classes.
AppendRecord find_group_record_formatter(std::string_view class_name);

}  // namespace console
