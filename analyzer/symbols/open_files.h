// Symbol files that are open, for every store of a process: dumps of a share have most of their
// modules in common, and a file that was read for one need not be read again for the next.  A file
// is known by its path, size and time of change; one that was written anew is opened anew.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/mapped_file.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

class OpenFiles {
public:
  struct Opened {
    std::shared_ptr<const MappedFile> file; // unpacked
    std::shared_ptr<SymbolSource> source;
  };
  // Files count by their size, unpacked; beyond so many bytes those that were not asked for longest
  // are let go.
  explicit OpenFiles(std::uint64_t most_bytes = 2ull << 30) : most_bytes_(most_bytes) {}

  // What `open` gave for the same file and the same `purpose` (kind of symbols, id that they must
  // have).  Only successes are kept.
  Result<Opened> get(const std::string& path, const std::string& purpose,
                     const std::function<Result<Opened>()>& open);
  std::size_t count() const { return entries_.size(); }

private:
  struct Stamp {
    std::uint64_t size = 0;
    std::int64_t changed = 0; // ns
    bool operator==(const Stamp&) const = default;
  };
  struct Entry {
    std::string path, purpose;
    Stamp stamp;
    Opened opened;
  };
  void make_room();
  std::uint64_t most_bytes_;
  std::list<Entry> entries_; // last asked for first
};

} // namespace dumptriage::symbols
