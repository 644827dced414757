#include "symbols/open_files.h"

#include <algorithm>

#include <llvm/Support/FileSystem.h>

namespace dumptriage::symbols {

Result<OpenFiles::Opened> OpenFiles::get(const std::string& path, const std::string& purpose,
                                         const std::function<Result<Opened>()>& open) {
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(path, status)) return open(); // it says why it cannot
  const Stamp stamp{status.getSize(), status.getLastModificationTime().time_since_epoch().count()};
  auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.path == path && entry.purpose == purpose;
  });
  if (known != entries_.end()) {
    if (known->stamp == stamp) {
      entries_.splice(entries_.begin(), entries_, known);
      return known->opened;
    }
    entries_.erase(known);
  }
  auto opened = open();
  if (!opened) return opened;
  entries_.push_front({path, purpose, stamp, *opened});
  make_room();
  return opened;
}

void OpenFiles::make_room() {
  std::uint64_t bytes = 0;
  auto last = entries_.begin();
  for (; last != entries_.end(); ++last) {
    bytes += last->opened.file != nullptr ? last->opened.file->bytes().size() : 0;
    if (bytes > most_bytes_ && last != entries_.begin()) break;
  }
  entries_.erase(last, entries_.end());
}

} // namespace dumptriage::symbols
