// Dumps inside of archives and compressed files.  What is unpacked goes to a temporary file without
// a name and is mapped like any dump, so memory stays flat; names in an archive are words for
// people and never become file names.
//
// Read: ZIP, 7z and tar (libarchive); gzip, xz, zstd and bzip2, also around a tar (libarchive);
// cabinets and COMPRESS.EXE's SZDD and KWAJ (libmspack).  One archive inside another is opened as
// well, no deeper.  A new library is one file, unpack_<library>.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/mapped_file.h"

namespace dumptriage::dump {

struct UnpackOptions {
  std::uint64_t most_bytes = 64ull << 30; // of one unpacked file
  // Bombs: all that comes out of one archive may be so much, and so many times its size.
  std::uint64_t free_bytes = 64ull << 20;
  std::uint64_t ratio = 1000;
  std::size_t most_entries = 100000;
  // Told which entry is being unpacked, at its start and every 64 MiB.
  std::function<void(const std::string& path)> progress;
};

// Whether the first bytes are those of a file that is opened here.
bool is_archive(ByteView file);

// Takes a dump out of an archive, or why one that is there could not be had (`what` is its path).
// False: no more are wanted.
using TakeUnpacked = std::function<bool(Result<std::shared_ptr<const MappedFile>>)>;

// Every dump in `archive` once, in its order; each entry is unpacked once.  The paths of the files
// are "ARCHIVE!ENTRY".  When nothing was handed out the answer says why: what the archive holds
// instead, or what is wrong with it.
std::optional<Error> unpack_dumps(const MappedFile& archive, const UnpackOptions& options,
                                  const TakeUnpacked& take);

// The first file in `archive`, whatever it is: a symbol store keeps NAME.pdb as NAME.pd_.  What was
// damaged on the way is an error.
Result<std::shared_ptr<const MappedFile>> unpack_first(const MappedFile& archive,
                                                       const UnpackOptions& options);

// The dumps at a path: the file itself, or for an archive every dump in it.
std::optional<Error> each_dump(std::shared_ptr<const MappedFile> file, const UnpackOptions& options,
                               const TakeUnpacked& take);

} // namespace dumptriage::dump
