// Purpose: every message's decoder and encoder behind one signature, for the vector test and the
// fuzzer. The list comes from the generator, so a new schema is covered as soon as it exists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace test {

struct MessageCodec {
  std::string name;  // "Fetch request"
  std::int16_t api_key;
  std::int16_t min_version;
  std::int16_t max_version;
  std::int16_t first_flexible;
  // Decodes the whole input and encodes the result again. Fails as the decoder fails, and with
  // Errc::out_of_range when input is left over. Ends the process when the encoder's size_bytes()
  // is wrong.
  base::Result<base::Buffer> (*round_trip)(base::Bytes input, std::int16_t version);
};

const std::vector<MessageCodec>& message_codecs();

// What must hold for any input: no crash, and what decodes is stable once encoded by us (two round
// trips give the same bytes). Ends the process otherwise. Returns whether the input decoded.
bool check_any_input(const MessageCodec& codec, base::Bytes input, std::int16_t version);

}  // namespace test
