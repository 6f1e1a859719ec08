#include "test/fuzz/zkclient/any_reply.h"

#include <algorithm>

#include "zkclient/frame_reader.h"
#include "zkclient/messages.h"
#include "zkclient/path.h"

namespace zkclient {
namespace {

constexpr std::size_t kMaxFrameBytes = 1'000;

void check_frames(base::Bytes input) {
  FrameReader reader(kMaxFrameBytes);
  while (!input.empty()) {
    const base::MutableBytes spare = reader.spare();
    const std::size_t size = std::min<std::size_t>({7, spare.size(), input.size()});
    std::copy_n(input.data(), size, spare.data());
    reader.commit(size);
    input = input.subspan(size);
    for (;;) {
      const auto frame = reader.next();
      if (!frame) return;
      if (!*frame) break;
      VERIFY((*frame)->size() <= kMaxFrameBytes);
      (void)decode_header(**frame);
    }
  }
}

void check_event(base::Bytes input) {
  const auto event = decode_event(input);
  if (!event || !*event) return;
  const Chroot chroot("/k");
  const auto path = chroot.strip((*event)->path);
  VERIFY(!path || chroot.add(*path) == (*event)->path || *path == "/");
}

}  // namespace

void check_any_reply(base::Bytes input) {
  if (input.empty()) return;
  const auto choice = static_cast<unsigned>(input[0]);
  input = input.subspan(1);
  JuteReader reader(input);
  switch (choice % 8) {
    case 0: check_frames(input); break;
    case 1: (void)decode_connect(input); break;
    case 2: (void)decode_header(input); break;
    case 3: check_event(input); break;
    case 4: {
      const auto multi = decode_multi(input, choice / 8);
      VERIFY(!multi || multi->results.size() == choice / 8);
      break;
    }
    case 5: (void)reader.get_acl(); break;
    case 6: (void)reader.get_strings(); break;
    default:
      (void)reader.get_data();
      (void)reader.get_stat();
      break;
  }
}

}  // namespace zkclient
