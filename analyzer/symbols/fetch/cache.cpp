#include "symbols/fetch/cache.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"

namespace dumptriage::symbols::fetch {
namespace {

namespace fs = std::filesystem;

// A descriptor and a name that go away together unless the file is kept.
struct NamedFile {
  int descriptor = -1;
  std::string path;
  ~NamedFile() {
    if (descriptor >= 0) ::close(descriptor);
    if (!path.empty()) ::unlink(path.c_str());
  }
};

bool write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes = bytes.clamp(static_cast<std::uint64_t>(wrote), UINT64_MAX);
  }
  return true;
}

// The new name must be on disk too; a file system that cannot do that is no reason to fail.
void sync_folder(const std::string& folder) {
  int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

fs::path missing_file(const std::string& cache, const std::string& url, const Wanted& wanted) {
  std::string text = url_for_people(url) + "\n" + slot_path(wanted.slot, wanted.key);
  constexpr std::size_t kDigits = 32;
  return fs::path(cache) / ".missing" /
         blake3_hex(ByteView(text.data(), text.size())).substr(0, kDigits);
}

} // namespace

Result<std::string> publish(ByteView bytes, const std::string& cache, const Slot& slot,
                            const std::string& key) {
  auto refused = [](const std::string& path, int error) {
    return fail(Code::io, utf8_from_ansi(path), std::strerror(error));
  };
  std::error_code error;
  fs::path root(cache);
  if (fs::exists(root / "index2.txt", error)) root /= tier_of(slot.folder);
  const std::string target = (root / slot_path(slot, key)).string();
  const std::string folder = fs::path(target).parent_path().string();
  fs::create_directories(folder, error);
  if (error) return fail(Code::io, utf8_from_ansi(folder), error.message());
  static std::atomic<unsigned> number = 0;
  NamedFile file;
  file.path = fmt::format("{}/.new-{}-{}", folder, ::getpid(), number++);
  file.descriptor =
      ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (file.descriptor < 0) {
    int reason = errno;
    file.path.clear();
    return refused(folder, reason);
  }
  if (!write_all(file.descriptor, bytes) || ::fsync(file.descriptor) != 0 ||
      ::rename(file.path.c_str(), target.c_str()) != 0)
    return refused(target, errno);
  file.path.clear();
  sync_folder(folder);
  return target;
}

bool known_missing(const std::string& cache, const std::string& url, const Wanted& wanted,
                   std::chrono::seconds missing_for) {
  std::error_code error;
  auto written = fs::last_write_time(missing_file(cache, url, wanted), error);
  if (error) return false;
  auto age = fs::file_time_type::clock::now() - written;
  // A file system's clock may run a little ahead of ours.
  return age < missing_for && age > std::chrono::seconds(-60);
}

void remember_missing(const std::string& cache, const std::string& url, const Wanted& wanted) {
  fs::path path = missing_file(cache, url, wanted);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream(path) << url_for_people(url) << " lacks " << slot_path(wanted.slot, wanted.key)
                      << "\n";
}

void forget_missing(const std::string& cache, const std::string& url, const Wanted& wanted) {
  std::error_code error;
  fs::remove(missing_file(cache, url, wanted), error);
}

} // namespace dumptriage::symbols::fetch
