// batch: many dumps, one after the other in this process, without a database.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/analyze.h"
#include "report/document.h"

namespace dumptriage::batch {

struct Progress {
  std::uint64_t done = 0, found = 0;
  std::string path;
};

struct Callbacks {
  std::function<void(const report::Document&)> document; // in a stable order
  std::function<void(const Progress&)> progress;
  std::function<bool()>
      stop; // asked before each file: true ends the scan (nobody reads the result)
  std::function<void(const Error&)> unreadable; // a folder or file that the walk could not open
};

// Folders recursively in sorted order (links to folders are not followed), and the dumps inside of
// archives; files that are no dumps and hold none are counted, not reported, unless named in
// `paths` themselves.
report::ShareDocument scan(const std::vector<std::string>& paths, pipeline::Analyzer& analyzer,
                           const pipeline::Options& options, const Callbacks& callbacks);

} // namespace dumptriage::batch
