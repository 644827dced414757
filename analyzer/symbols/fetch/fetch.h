// symbols/fetch: images and symbols from symbol servers over HTTP, into the caches of a search
// path. A target of its own that only the command line links; asked only when the user named a URL.
//
// A file enters a cache when it is what its slot promises (debug id, or time stamp and size) and
// never otherwise; it appears there whole or not at all, whoever else fetches it at the same time.
// What a server does not have is remembered for a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "symbols/search_path.h"
#include "symbols/store_key.h"

namespace dumptriage::symbols::fetch {

struct Wanted {
  enum class Kind { image, pdb, breakpad };
  Kind kind = Kind::pdb;
  Slot slot;
  std::string key;
};

struct Progress {
  std::size_t done = 0, all = 0;
  std::uint64_t bytes = 0;
  std::string name; // the last that was begun
};

struct Options {
  unsigned at_once = 6;
  unsigned tries = 4;
  std::chrono::milliseconds first_pause{500}, longest_pause{20'000};
  std::chrono::milliseconds connect{15'000};
  // A transfer slower than this for so long is cut and tried again.
  long slow_bytes_per_second = 500, slow_seconds = 20;
  long most_redirects = 8;
  std::uint64_t most_bytes = 8ull << 30;    // of one file
  std::chrono::seconds missing_for{86'400}; // 0: ask again at once
  std::string user_agent = "dumptriage";
  std::function<void(const Progress&)> progress;
};

struct Outcome {
  enum class Result { fetched, missing, failed };
  Result result = Result::failed;
  std::string path; // in the nearest cache
  std::string why;  // of every server, in order
};

// One outcome for every wanted file.  An error when nothing can be fetched at all.
Result<std::vector<Outcome>> fetch(const std::vector<SymbolServer>& servers,
                                   const std::vector<Wanted>& wanted, const Options& options);

} // namespace dumptriage::symbols::fetch
