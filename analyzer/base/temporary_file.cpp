#include "base/temporary_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"

namespace dumptriage {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLeftFree = 64ull << 20;

std::unexpected<Error> refused(int error) {
  return fail(Code::io, "temporary file", std::strerror(error));
}

// Without a name from the start where the system can do that, else unlinked at once.
int open_nameless(const std::string& folder) {
#ifdef O_TMPFILE
  if (int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
      descriptor >= 0)
    return descriptor;
#endif
  std::string name = (std::filesystem::path(folder) / "dumptriage-XXXXXX").string();
  int descriptor = ::mkstemp(name.data());
  if (descriptor >= 0) ::unlink(name.c_str());
  return descriptor;
}

constexpr std::array<std::byte, kPage> kZeros{};
bool all_zero(ByteView page) { return std::memcmp(page.data(), kZeros.data(), page.size()) == 0; }

} // namespace

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(written_, other.written_);
  std::swap(room_, other.room_);
  return *this;
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<TemporaryFile> TemporaryFile::create() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) return fail(Code::io, "folder for temporary files", error.message());
  TemporaryFile file;
  file.descriptor_ = open_nameless(folder.string());
  if (file.descriptor_ < 0) {
    int reason = errno;
    return fail(Code::io, "temporary file in " + utf8_from_ansi(folder.string()),
                std::strerror(reason));
  }
  auto space = std::filesystem::space(folder, error);
  std::uint64_t available = error ? UINT64_MAX : space.available;
  file.room_ = available > kLeftFree ? available - kLeftFree : 0;
  return file;
}

Result<void> TemporaryFile::write(ByteView bytes, std::uint64_t offset) {
  if (bytes.size() > room_ - std::min(room_, written_))
    return fail(Code::limit, "temporary file", "the disk has no room for more");
  while (!bytes.empty()) {
    ssize_t wrote = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return refused(wrote < 0 ? errno : ENOSPC);
    written_ += static_cast<std::uint64_t>(wrote);
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.clamp(static_cast<std::uint64_t>(wrote), UINT64_MAX);
  }
  return {};
}

// Cut at page borders: pages of zeros are left out, what lies between them is written at once.
Result<void> TemporaryFile::append(ByteView bytes) {
  std::uint64_t done = 0, start = 0; // [start, done) waits to be written
  while (done < bytes.size()) {
    std::uint64_t step = std::min(kPage - (size_ + done) % kPage, bytes.size() - done);
    if (all_zero(bytes.clamp(done, step))) {
      if (auto wrote = write(bytes.clamp(start, done - start), size_ + start); !wrote) return wrote;
      start = done + step;
    }
    done += step;
  }
  if (auto wrote = write(bytes.clamp(start, done - start), size_ + start); !wrote) return wrote;
  size_ += done;
  return {};
}

Result<int> TemporaryFile::finish() {
  if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) return refused(errno);
  return descriptor_;
}

} // namespace dumptriage
