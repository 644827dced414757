// What was found out about a large symbol file by going through all of it, kept on disk for the
// next process: one file per symbol file, named by what that one holds.  An index is a help, never
// a source: it is made again whenever anything about it does not fit, and a folder that cannot be
// written makes no difference to any answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace dumptriage::symbols {

// BLAKE3 of the size, the first and last 64 KiB and 64 pages between them: to hash all of a file
// would take longer than the index saves.  Who uses an index checks each record that is hit against
// the file itself.
std::string content_key(ByteView file);

class IndexWriter {
public:
  void number32(std::uint32_t value) { put(value, 4); }
  void number64(std::uint64_t value) { put(value, 8); }
  ByteView bytes() const { return ByteView(bytes_); }

private:
  void put(std::uint64_t value, int size);
  std::vector<std::byte> bytes_;
};

class IndexReader {
public:
  explicit IndexReader(ByteView bytes) : bytes_(bytes) {}
  std::uint32_t number32() { return static_cast<std::uint32_t>(take<le32>()); }
  std::uint64_t number64() { return take<le64>(); }
  // A count of items of at least `size` bytes each; 0 when they do not fit.
  std::uint64_t count(std::uint64_t size);
  // All was there, and nothing is left.
  bool good() const { return good_ && at_ == bytes_.size(); }

private:
  template <class T> std::uint64_t take() {
    auto value = bytes_.get<T>(at_);
    good_ = good_ && value;
    at_ += sizeof(T);
    return value ? std::uint64_t{*value} : 0;
  }
  ByteView bytes_;
  std::uint64_t at_ = 0;
  bool good_ = true;
};

class IndexCache {
public:
  // An empty folder keeps nothing.  When the files in it take more than `most_bytes`, those that
  // were used longest ago are removed.
  explicit IndexCache(std::string folder, std::uint64_t most_bytes = 1ull << 30)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}
  // $DUMPTRIAGE_CACHE ("off": none), else $XDG_CACHE_HOME/dumptriage, else ~/.cache/dumptriage.
  static IndexCache of_user();

  std::optional<std::vector<std::byte>> load(const std::string& key) const;
  // Written beside its place and then moved there, so that no process sees half of one.
  void save(const std::string& key, ByteView payload) const;

private:
  void make_room() const;
  std::string folder_;
  std::uint64_t most_bytes_;
};

} // namespace dumptriage::symbols
