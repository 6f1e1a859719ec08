#include "broker/network/response.h"

#include "base/log.h"
#include "protocol/api_key.h"

namespace network {

base::Result<runtime::OutputList> assemble(protocol::Writer writer, runtime::OutputList external) {
  const std::vector<protocol::Splice> splices = writer.take_splices();
  const base::Buffer buffer = writer.take();
  runtime::OutputList output;
  std::size_t position = 0;
  auto piece = external.pieces().begin();
  for (const protocol::Splice& splice : splices) {
    output.add(buffer, position, splice.position_in_buffer - position);
    position = splice.position_in_buffer;
    std::size_t left_bytes = splice.size_bytes;
    while (left_bytes > 0) {
      if (piece == external.pieces().end() || piece->size_bytes > left_bytes) {
        return base::fail(base::Errc::invalid_argument, "records were announced and not given");
      }
      left_bytes -= piece->size_bytes;
      if (piece->is_file()) {
        output.add(piece->slice);
      } else {
        output.add(piece->buffer, piece->offset, piece->size_bytes);
      }
      ++piece;
    }
  }
  if (piece != external.pieces().end()) {
    return base::fail(base::Errc::invalid_argument, "records were given and not announced");
  }
  output.add(buffer, position, buffer.size() - position);
  return output;
}

Response make_response(std::int16_t api_key, std::int16_t version, protocol::Writer writer,
                       runtime::OutputList external) {
  std::string failure = writer.failure();
  if (failure.empty()) {
    auto output = assemble(std::move(writer), std::move(external));
    if (output) return {.output = *std::move(output)};
    failure = output.error().context();
  }
  const protocol::ApiInfo* api = protocol::find_api(api_key);
  LOG_WARN_EVERY(1000, "closing connection: response not encoded api={} version={} error=\"{}\"",
                 api != nullptr ? api->name : "unknown", version, failure);
  return {.close_connection = true};
}

}  // namespace network
