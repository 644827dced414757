// What lies in a cache folder: files in a store's slots, and which server lacked what and when.
#pragma once

#include <chrono>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "symbols/fetch/fetch.h"

namespace dumptriage::symbols::fetch {

// Writes a file into its slot, whole or not at all: under another name first, then renamed, so that
// many processes may do it at once.  Its path.
Result<std::string> publish(ByteView bytes, const std::string& cache, const Slot& slot,
                            const std::string& key);

// "SERVER does not have SLOT": a small file in the folder .missing of the cache, true as long as it
// is young.
bool known_missing(const std::string& cache, const std::string& url, const Wanted& wanted,
                   std::chrono::seconds missing_for);
void remember_missing(const std::string& cache, const std::string& url, const Wanted& wanted);
void forget_missing(const std::string& cache, const std::string& url, const Wanted& wanted);

} // namespace dumptriage::symbols::fetch
