// A file's bytes, mapped, not loaded.  The only place in the core that opens a file.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

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
  ~MappedFile();

  ByteView bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

private:
  MappedFile() = default;
  std::string path_;
  std::unique_ptr<llvm::MemoryBuffer> buffer_;
  ByteView bytes_;
};

} // namespace dumptriage
