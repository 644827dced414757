// Rule files and their examples on disk.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "rules/examples.h"
#include "rules/parallel.h"
#include "rules/rules.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostFiles = 200000, kMostBytes = std::size_t{512} << 20;

RuleText failed(std::string name, std::string why) {
  RuleText text{std::move(name), {}, {}};
  text.error = Error{Code::io, text.name, std::move(why), {}};
  return text;
}

class File {
public:
  // Not blocking: a pipe that took the place of a file is noticed, not waited for.
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }

private:
  int descriptor_;
};

RuleText read_one(const std::string& path) {
  const File file(path);
  struct stat status{};
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &status) != 0)
    return failed(path, fmt::format("the file cannot be read: {}", std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return failed(path, "expected a file");
  RuleText text{path, {}, {}};
  // One byte more than a rule may have: load() then says that it is too large.
  const auto size = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  text.text.resize(std::min(size, kMostRuleBytes) + 1);
  std::size_t got = 0;
  while (got < text.text.size()) {
    const ssize_t part = ::read(file.descriptor(), text.text.data() + got, text.text.size() - got);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0)
      return failed(path, fmt::format("the file cannot be read: {}", std::strerror(errno)));
    if (part == 0) break;
    got += static_cast<std::size_t>(part);
  }
  text.text.resize(got);
  return text;
}

constexpr std::string_view kExamples = ".examples.yaml";

bool is_example_file(std::string_view name) { return name.ends_with(kExamples); }
bool is_rule_file(std::string_view name) {
  return name.ends_with(".yaml") && !is_example_file(name);
}
using IsWanted = bool (*)(std::string_view name);

struct Found {
  std::vector<std::string> files;
  std::vector<RuleText> unreadable; // folders
  bool too_many = false;
};

// Links to folders are not followed, so that none is walked twice.
void walk(const fs::path& folder, IsWanted is_wanted, Found& found,
          std::vector<fs::path>& further) {
  std::error_code error;
  fs::directory_iterator at(folder, error), end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_symlink(ignored) && at->is_directory(ignored)) {
      further.push_back(at->path());
      continue;
    }
    const std::string path = at->path().generic_string();
    if (!is_wanted(path) || at->is_directory(ignored)) continue;
    if (found.files.size() == kMostFiles) {
      found.too_many = true;
      return;
    }
    found.files.push_back(path);
  }
  if (error)
    found.unreadable.push_back(failed(
        folder.generic_string(), fmt::format("the folder cannot be read: {}", error.message())));
}

// Those of a folder and all below it, in the order of their names.
Result<std::vector<RuleText>> read_folder(const std::string& path, IsWanted is_wanted) {
  Found found;
  for (std::vector<fs::path> further = {path}; !further.empty() && !found.too_many;) {
    const fs::path folder = std::move(further.back());
    further.pop_back();
    walk(folder, is_wanted, found, further);
  }
  if (found.too_many)
    return fail(Code::limit, path, fmt::format("more than {} rule files", kMostFiles));
  std::ranges::sort(found.files);
  std::vector<RuleText> texts(found.files.size());
  std::atomic<std::size_t> bytes{0};
  for_each_number(texts.size(), [&](std::size_t i) {
    if (bytes > kMostBytes) return;
    texts[i] = read_one(found.files[i]);
    bytes += texts[i].text.size();
  });
  if (bytes > kMostBytes) return fail(Code::limit, path, "more than 512 MiB of rule files");
  std::ranges::sort(found.unreadable, {}, &RuleText::name);
  std::ranges::move(found.unreadable, std::back_inserter(texts));
  return texts;
}

} // namespace

Result<std::vector<RuleText>> read_rule_files(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || !fs::exists(status)) return fail(Code::io, path, "no such file or folder");
  if (fs::is_regular_file(status))
    return std::vector<RuleText>{read_one(fs::path(path).generic_string())};
  if (!fs::is_directory(status)) return fail(Code::io, path, "neither a file nor a folder");
  return read_folder(path, is_rule_file);
}

Result<std::vector<RuleText>> read_example_files(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || !fs::exists(status)) return fail(Code::io, path, "no such file or folder");
  if (fs::is_directory(status)) return read_folder(path, is_example_file);
  const fs::path file =
      is_example_file(path) ? fs::path(path) : fs::path(path).replace_extension() += kExamples;
  if (!fs::exists(file, error)) return std::vector<RuleText>{};
  return std::vector<RuleText>{read_one(file.generic_string())};
}

} // namespace dumptriage::rules
