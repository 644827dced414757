// A file's bytes, mapped, not loaded.  The only place in the core that opens a file.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/temporary_file.h"

namespace llvm {
class MemoryBuffer;
}

namespace dumptriage {

class MappedFile {
public:
  // An empty file gives an empty view, not an error.  A folder, device or pipe is refused.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  // Bytes that somebody else keeps alive, under a name for messages: what a fuzzer or a test has.
  static std::shared_ptr<const MappedFile> borrow(ByteView bytes, std::string name);
  // A file that was unpacked: its name for people, the file on disk that it came out of, and what
  // went wrong on the way.
  struct Source {
    std::string name; // "MEMORY.zip!MEMORY.DMP"
    std::string container;
    Notes notes;
  };
  static Result<std::shared_ptr<const MappedFile>> adopt(TemporaryFile file, Source source);
  ~MappedFile();

  ByteView bytes() const { return bytes_; }
  // Large files are not read ahead; who goes through all of one says so first.
  void expect_all_to_be_read() const;
  const std::string& path() const { return path_; } // for people; a file only when not unpacked
  // The file on disk that holds the bytes, packed or not.
  const std::string& file_path() const { return container_.empty() ? path_ : container_; }
  const Notes& notes() const { return notes_; }

private:
  MappedFile() = default;
  std::string path_, container_;
  Notes notes_;
  std::unique_ptr<llvm::MemoryBuffer> buffer_;
  ByteView bytes_;
};

} // namespace dumptriage
