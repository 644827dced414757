#include "symbols/symbol_index.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mapped_file.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

// The head of an index: this text, and the BLAKE3 of the key and what follows, in hex.  Another
// version of the layout has another text.
constexpr std::string_view kHead = "dumptriage symbol index 1\n";
constexpr std::size_t kDigest = 64;
constexpr std::string_view kExtension = ".index";

std::string digest_of(const std::string& key, ByteView payload) {
  const std::string both = key + blake3_hex(payload);
  return blake3_hex(ByteView(both.data(), both.size()));
}

} // namespace

std::string content_key(ByteView file) {
  constexpr std::uint64_t kEnd = 64u << 10, kPage = 4096, kPages = 64;
  std::string sample = fmt::format("{}:", file.size());
  sample += file.clamp(0, kEnd).chars();
  if (file.size() > kEnd) sample += file.clamp(file.size() - kEnd, kEnd).chars();
  for (std::uint64_t i = 1; i <= kPages; ++i)
    sample += file.clamp(file.size() / (kPages + 1) * i, kPage).chars();
  return blake3_hex(ByteView(sample.data(), sample.size()));
}

void IndexWriter::put(std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<std::byte>(value >> 8 * i & 0xFF));
}

std::uint64_t IndexReader::count(std::uint64_t size) {
  const std::uint64_t claimed = number64();
  if (claimed <= bytes_.left(at_) / size) return claimed;
  good_ = false;
  return 0;
}

IndexCache IndexCache::of_user() {
  auto named = [](const char* variable) {
    const char* value = std::getenv(variable);
    return std::string(value != nullptr ? value : "");
  };
  if (const std::string own = named("DUMPTRIAGE_CACHE"); !own.empty())
    return IndexCache(own == "off" ? "" : own);
  if (const std::string xdg = named("XDG_CACHE_HOME"); xdg.starts_with('/'))
    return IndexCache(xdg + "/dumptriage");
  const std::string home = named("HOME");
  return IndexCache(home.starts_with('/') ? home + "/.cache/dumptriage" : "");
}

std::optional<std::vector<std::byte>> IndexCache::load(const std::string& key) const {
  if (folder_.empty()) return std::nullopt;
  const fs::path path = fs::path(folder_) / (key + std::string(kExtension));
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  auto file = MappedFile::open(path.string());
  if (!file) return std::nullopt;
  const ByteView bytes = (*file)->bytes();
  const ByteView payload = bytes.clamp(kHead.size() + kDigest, bytes.size());
  if (bytes.clamp(0, kHead.size()).chars() != kHead ||
      bytes.clamp(kHead.size(), kDigest).chars() != digest_of(key, payload))
    return std::nullopt;
  fs::last_write_time(path, fs::file_time_type::clock::now(), error); // was used just now
  return std::vector(payload.span().begin(), payload.span().end());
}

void IndexCache::save(const std::string& key, ByteView payload) const {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  const fs::path path = fs::path(folder_) / (key + std::string(kExtension));
  std::string beside = path.string() + ".XXXXXX";
  const int descriptor = mkstemp(beside.data());
  if (descriptor < 0) return;
  close(descriptor);
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << kHead << digest_of(key, payload) << payload.chars();
    out.close();
    if (out) fs::rename(beside, path, error);
    if (!out || error) {
      fs::remove(beside, error);
      return;
    }
  }
  make_room();
}

void IndexCache::make_room() const {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t size = 0;
    fs::path path;
  };
  std::vector<Kept> files;
  std::error_code error;
  std::uint64_t bytes = 0;
  for (auto at = fs::directory_iterator(folder_, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (at->path().extension() != kExtension) continue;
    std::error_code gone;
    const std::uint64_t size = at->file_size(gone);
    const auto used = at->last_write_time(gone);
    if (gone) continue;
    files.push_back({used, size, at->path()});
    bytes += size;
  }
  std::sort(files.begin(), files.end(),
            [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const Kept& file : files) {
    if (bytes <= most_bytes_) break;
    fs::remove(file.path, error);
    bytes -= file.size;
  }
}

} // namespace dumptriage::symbols
