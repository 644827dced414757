#include "symbols/file_index.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/text.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 1'000'000;
constexpr int kDeepest = 16;
constexpr std::size_t kMostCandidates = 64;
// Files of one name that are looked at for one question.
constexpr std::size_t kMostOfOneName = 4096;
// A dump's own folder may be a share with everybody's dumps: only so many names of it are read, and
// no folder in it.
constexpr std::size_t kMostSiblings = 20'000;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && !error;
}

bool all_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The key of a symstore slot "name/KEY/name"; empty for other places.
std::string slot_key(const fs::path& path) {
  fs::path folder = path.parent_path();
  std::string key = folder.filename().string();
  std::string above = folder.parent_path().filename().string();
  std::string name = path.filename().string();
  // Breakpad's tree is name.pdb/KEY/name.sym.
  bool slot = equals_no_case(above, name) || equals_no_case(stem(above), stem(name));
  return slot && key.size() >= 9 && all_hex(key) ? key : std::string();
}

} // namespace

void FileIndex::scan() {
  if (scanned_) return;
  scanned_ = true;
  std::error_code error;
  if (is_file(root_.path)) {
    files_[lower(fs::path(root_.path).filename().string())].push_back(root_.path);
    return;
  }
  // Links to folders are not followed, so that a link cannot lead round in a circle.
  fs::recursive_directory_iterator it(root_.path, fs::directory_options::skip_permission_denied,
                                      error);
  fs::recursive_directory_iterator end;
  const bool beside = root_.origin == memory::Origin::sibling;
  const std::size_t most = beside ? kMostSiblings : kMostEntries;
  for (std::size_t seen = 0; !error && it != end && seen < most; ++seen) {
    if (beside || it.depth() >= kDeepest) it.disable_recursion_pending();
    std::error_code ignored;
    if (it->is_regular_file(ignored))
      files_[lower(it->path().filename().string())].push_back(it->path().string());
    it.increment(error);
  }
  for (auto& [name, paths] : files_) std::sort(paths.begin(), paths.end());
}

std::vector<FileIndex::Candidate> FileIndex::find(std::string_view name,
                                                  const std::vector<std::string>& keys) {
  std::vector<Candidate> found;
  if (name.empty() || name == "." || name == "..") return found;
  // Straight to the usual places first: a symbol store may hold a million files.
  fs::path root(root_.path);
  for (const std::string& spelling : {std::string(name), lower(name)}) {
    for (const std::string& key : keys) {
      fs::path slot = root / spelling / key / spelling;
      fs::path two_tier = root / lower(spelling.substr(0, 2)) / spelling / key / spelling;
      for (const fs::path& path : {slot, two_tier})
        if (is_file(path)) return {{path.string(), {}}};
    }
    if (root_.origin == memory::Origin::sibling && is_file(root / spelling))
      return {{(root / spelling).string(), {}}};
  }
  scan();
  auto entry = files_.find(lower(name));
  if (entry == files_.end()) return found;
  auto is_wanted = [&](const std::string& key) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const std::string& wanted) { return equals_no_case(key, wanted); });
  };
  std::vector<Candidate> plain, others;
  std::size_t looked_at = 0;
  for (const std::string& path : entry->second) {
    if (++looked_at > kMostOfOneName) break;
    std::string key = slot_key(path);
    if (key.empty())
      plain.push_back({path, {}});
    else if (is_wanted(key))
      found.push_back({path, {}});
    else
      others.push_back({path, key});
  }
  found.insert(found.end(), plain.begin(), plain.end());
  found.insert(found.end(), others.begin(), others.end());
  if (found.size() > kMostCandidates) found.resize(kMostCandidates);
  return found;
}

} // namespace dumptriage::symbols
