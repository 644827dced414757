// What the unpackers share: limits that all entries use up together, and what becomes of an entry's
// bytes.  Internal to unpack*.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/temporary_file.h"
#include "dump/unpack.h"

namespace dumptriage::dump::unpacking {

// One run over one outermost archive.
struct Run {
  const UnpackOptions& options;
  const TakeUnpacked& take;
  std::string container;       // the file on disk
  bool any_file = false;       // not only dumps
  std::uint64_t allowance = 0; // bytes that may still come out, of all entries together
  std::size_t entries_left = 0;
  std::size_t handed_out = 0;
  bool stopped = false;            // nothing more is wanted, or may be unpacked
  std::vector<std::string> others; // what else is there, the first few: "readme.txt (text file)"
  std::size_t other_count = 0;
  std::optional<Error> first_error; // about an entry that was not handed out
};

// One archive of a run.
struct Archive {
  Run& run;
  ByteView bytes;
  std::string path; // for people
  int depth = 0;    // 1: an archive in the outermost one
};

// One entry while it is unpacked.  Its first bytes decide whether the rest is wanted.
class Entry {
public:
  Entry(Archive& archive, std::string_view name);
  // The next bytes; false: no more of this entry, because nobody wants it or a limit was reached.
  bool add(ByteView bytes);
  bool add_hole(std::uint64_t size);
  // At its end, or where it broke off.
  void finish(std::optional<Error> problem = std::nullopt);
  // It cannot be unpacked at all.
  void refuse(Code code, std::string why);
  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; } // so far
  // add() said no only because nobody wants this entry.
  bool passed_over() const { return kind_ == Kind::other && !failed_ && !archive_.run.stopped; }

private:
  enum class Kind { undecided, dump, archive, other };
  bool wanted() const { return kind_ == Kind::dump || kind_ == Kind::archive; }
  void decide();
  bool store(ByteView bytes);
  bool reserve(std::uint64_t size);
  void hand_out(Result<std::shared_ptr<const MappedFile>> file);
  void remember(const Error& error);

  Archive& archive_;
  std::string name_, path_;
  Kind kind_ = Kind::undecided;
  std::vector<std::byte> head_;
  std::string description_;
  std::uint64_t size_ = 0, told_ = 0;
  std::optional<TemporaryFile> file_;
  std::optional<Error> failed_;
};

// Counts an entry; false, and the run stops, when there were too many.
bool count_entry(Archive& archive);
// The name of what a file of one compressed stream holds: without the suffix that the compressor
// added; `missing` is the last letter that COMPRESS.EXE replaced by '_' (0: not recorded).
std::string name_inside(const std::string& path, char missing = 0);

// All entries of an archive.  An Error when it cannot be read (further).
std::optional<Error> unpack_libarchive(Archive& archive);
std::optional<Error> unpack_mspack(Archive& archive);

// By the first bytes; null for what is no archive.
using Unpacker = std::optional<Error> (*)(Archive& archive);
Unpacker unpacker_of(ByteView file);
// Which of libarchive's readers are switched on for a file.
enum class Packing { none, zip, seven_zip, tar, gzip, xz, zstd, bzip2, cabinet, szdd, kwaj };
Packing packing_of(ByteView file);

} // namespace dumptriage::dump::unpacking
