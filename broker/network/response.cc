#include "broker/network/response.h"

#include "base/check.h"

namespace network {

runtime::OutputList assemble(protocol::Writer writer, runtime::OutputList external) {
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
      VERIFY(piece != external.pieces().end() && piece->size_bytes <= left_bytes,
             "records of {} bytes were announced and not given", splice.size_bytes);
      left_bytes -= piece->size_bytes;
      if (piece->is_file()) {
        output.add(piece->slice);
      } else {
        output.add(piece->buffer, piece->offset, piece->size_bytes);
      }
      ++piece;
    }
  }
  VERIFY(piece == external.pieces().end(), "records were given and not announced");
  output.add(buffer, position, buffer.size() - position);
  return output;
}

}  // namespace network
