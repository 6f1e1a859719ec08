// Purpose: one input through everything that reads what a ZooKeeper server sent.
#pragma once

#include "base/bytes.h"

namespace zkclient {

// The first byte chooses the decoder. Ends the process if a decoder breaks a rule of its own.
void check_any_reply(base::Bytes input);

}  // namespace zkclient
