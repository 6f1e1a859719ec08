#include "runtime/stream_io.h"

#include <algorithm>

namespace runtime {

void OutputList::consume(std::size_t size_bytes) {
  VERIFY(size_bytes <= total_bytes_);
  total_bytes_ -= size_bytes;
  while (size_bytes > 0) {
    Piece& piece = pieces_[sent_count_];
    const std::size_t step = std::min(size_bytes, piece.size_bytes);
    size_bytes -= step;
    piece.size_bytes -= step;
    if (piece.size_bytes == 0) {
      piece = {};  // lets go of buffer and file
      ++sent_count_;
    } else if (piece.is_file()) {
      piece.slice.position += static_cast<std::int64_t>(step);
      piece.slice.size_bytes -= step;
    } else {
      piece.offset += step;
    }
  }
}

Task<base::Result<void>> read_exact(Stream& stream, base::MutableBytes into,
                                    std::int64_t timeout_ms, CancelToken token) {
  while (!into.empty()) {
    const auto count = stream.try_read(into);
    if (count) {
      into = into.subspan(*count);
    } else if (count.error().is(base::Errc::would_block)) {
      CO_TRY(co_await readable(stream, timeout_ms, token));
    } else {
      co_return base::fail(count.error());
    }
  }
  co_return base::Result<void>();
}

Task<base::Result<void>> write_all(Stream& stream, OutputList output, std::int64_t timeout_ms,
                                   CancelToken token) {
  while (!output.empty()) {
    const auto count = stream.try_write(output);
    if (!count && !count.error().is(base::Errc::would_block)) co_return base::fail(count.error());
    if (!output.empty()) CO_TRY(co_await writable(stream, timeout_ms, token));
  }
  co_return base::Result<void>();
}

}  // namespace runtime
