#include "storage/epoch_rebuild.h"

#include "storage/batch_file_reader.h"

namespace storage {

base::Result<void> rebuild_leader_epochs(LeaderEpochCache& epochs, const SegmentList& segments) {
  for (const auto& segment : segments) {
    TRY_ASSIGN(const auto file, segment->log_file());
    BatchHeaderReader reader(file, 0, segment->size_bytes());
    for (;;) {
      const auto place = reader.next();
      if (!place) {
        if (is_bad_content(place.error())) break;
        return base::fail(place.error());
      }
      if (!*place) break;
      const auto latest = epochs.latest_epoch();
      if (!latest || (*place)->leader_epoch > *latest) {
        epochs.assign((*place)->leader_epoch, (*place)->base_offset);
      }
    }
  }
  return {};
}

}  // namespace storage
